"""A batch of rows that are stepped together, each with its own sampler, statistics and randomness.

Rows join when a slot is free and leave when they end, which keeps the batch full. Rows of several
requests may be in one batch; what becomes of a row depends on the others only by the rounding of
the kernels, which take another order of summation for another number of rows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from core.decoding.guidance import Guidance, RowPosition
from core.decoding.rows import Decoded, Row
from core.decoding.sampling import choose, random_places, uniforms
from core.decoding.stepping import stepper_for
from core.entropy import entropy, packed_statistics, threshold_gate, unpack_statistics
from core.errors import ModelError, ResourceError
from core.models.prefix_store import PrefixStore
from core.records import Sampler, StopReason, TokenStatistics
from core.tokens.stop_strings import StopMatcher

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

_LOGITS_BYTES = 2**20  # limit for logits held until their statistics are computed
_AHEAD = 256  # most new tokens of a row for which room is made at first

OnStep = Callable[[int, int, TokenStatistics], None]
"""Called after every token with the row's index, the token's id and its statistics (length 1)."""

OnRow = Callable[[int, Decoded], None]
"""Called with the index of a row that has ended, and what it became."""


class Request:
    """Rows that were asked for together and are decoded alike.

    Args:
        rows: to continue.
        sampler: how tokens that are not forced are drawn.
        k: alternatives per position.
        store: prefixes to reuse.
        keep_rows: whether finished rows go there, too.
        on_step: called with every token; None where nothing is shown of a row before its end.
        on_row: called with every row that has ended.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        sampler: Sampler,
        k: int,
        store: PrefixStore,
        keep_rows: bool,
        on_step: OnStep | None,
        on_row: OnRow,
    ) -> None:
        self.sampler, self.k, self.store = sampler, k, store
        self.kept = store if keep_rows else None
        self.on_step, self.on_row = on_step, on_row
        self.waiting = deque(enumerate(rows))
        self.active = 0  # rows in the batch
        self.error: ModelError | None = None  # what has ended it beside other requests
        longest = max(len(row.prompt_ids) + len(row.completion_ids) for row in rows)
        self.capacity = longest + min(sampler.max_new_tokens, _AHEAD)
        self.draws_like = replace(sampler, max_new_tokens=1, stop=())  # rows drawn by one call

    @property
    def has_ended(self) -> bool:
        """Whether no row is left."""
        return not self.waiting and not self.active


class Slot:
    """The state of an active row."""

    def __init__(self, request: Request, index: int, row: Row, limit: int) -> None:
        sampler = request.sampler
        self.request = request
        self.index = index
        self.row = row
        self.limit = limit  # maximum number of completion tokens
        self.position = len(row.completion_ids)  # of the token to be drawn
        self.ids = [*row.prompt_ids, *row.completion_ids]
        self.replaced: dict[int, int] = {}
        self.stops: StopMatcher | None = None
        self.uniforms: NDArray[np.float64] | None = None
        if not sampler.greedy:
            self.uniforms = uniforms(row.seed, limit)
        self.places: NDArray[np.bool_] | None = None
        if sampler.forks is not None and sampler.forks.random_share is not None:
            self.places = random_places(sampler.forks, row.seed, limit)
        # Preallocated, to avoid heap fragmentation by small arrays between large temporary ones.
        width = 2 * request.k + 3
        self.packed = np.empty((max(0, limit - self.position), width), dtype=np.float32)

    def result(self, stop_reason: StopReason) -> Decoded:
        start = len(self.row.completion_ids)
        tokens = tuple(self.ids[len(self.row.prompt_ids) + start :])
        statistics = unpack_statistics(self.packed[: len(tokens)])
        forced = tuple(start + i in self.replaced for i in range(len(tokens)))
        return Decoded(start, tokens, statistics, forced, stop_reason, self.replaced)


@dataclass(frozen=True)
class _Step:
    """A step whose statistics are not computed yet."""

    logits: torch.Tensor  # (n, V) float32
    chosen: torch.Tensor  # (n,)
    places: list[tuple[Slot, int]]  # (n,) rows and the positions of their tokens


class Batch:
    """Rows of one model. The caller holds the model's lock, and takes no gradients.

    Args:
        lm: the model.
        slots: rows for which room is made at first, and `capacity`, tokens of each.
        guidance: a teacher that reads along, in a batch of a single request.
        context_length: of model and teacher.
    """

    def __init__(
        self,
        lm: LanguageModel,
        slots: int,
        capacity: int,
        guidance: Guidance | None = None,
        context_length: int | None = None,
    ) -> None:
        self._lm = lm
        self._guidance = guidance
        self._context_length = context_length or lm.context_length
        self._stepper = stepper_for(lm, slots, capacity)
        self._measuring: list[_Step] = []
        self.slots: list[Slot] = []

    def admit(self, request: Request, most: int) -> None:
        """Let waiting rows of a request join, at most so many."""
        fresh: list[Slot] = []
        while request.waiting and len(fresh) < most:
            index, row = request.waiting.popleft()
            room = self._context_length - len(row.prompt_ids)
            slot = Slot(request, index, row, min(request.sampler.max_new_tokens, room))
            if request.sampler.stop:
                slot.stops = StopMatcher(
                    self._lm.text, request.sampler.stop, row.prompt_ids, row.completion_ids
                )
            if slot.position >= slot.limit:
                request.on_row(slot.index, slot.result(StopReason.LENGTH))
            else:
                fresh.append(slot)
        if fresh:
            prefixes = [slot.ids[:-1] for slot in fresh]
            self._stepper.admit(prefixes, request.store)
            if self._guidance is not None:
                self._guidance.admit([slot.index for slot in fresh], prefixes)
            self.slots.extend(fresh)
            request.active += len(fresh)

    def step(self, rows: int | None = None) -> None:
        """Give one token more to the first rows of `slots`, or to all.

        A request whose logits are not finite, beside others, has an `error` afterwards; `restart`
        is to be called without it.

        Raises:
            ModelError: the logits of the only request are not finite.
        """
        slots = self.slots[:rows]
        logits = self._stepper.step([slot.ids[-1] for slot in slots]).float()
        try:
            self._lm.check_finite(logits)
        except ModelError as error:
            logits = self._beside_broken(slots, logits, error)
        chosen = self._choose(slots, logits)
        token_ids: list[int] = chosen.tolist()
        if put := self._put(slots, logits, token_ids):
            for i, token_id in put.items():
                slots[i].replaced[slots[i].position] = token_ids[i]
                token_ids[i] = token_id
            chosen = torch.tensor(token_ids, device=chosen.device)
        self._measuring.append(_Step(logits, chosen, [(slot, slot.position) for slot in slots]))
        ended: list[tuple[int, StopReason]] = []
        for i, (slot, token_id) in enumerate(zip(slots, token_ids, strict=True)):
            slot.ids.append(token_id)
            slot.position += 1
            if token_id in self._lm.eos_ids:
                ended.append((i, StopReason.EOS))
            elif slot.stops is not None and slot.stops.push(token_id):
                ended.append((i, StopReason.STOP))
            elif slot.position >= slot.limit:
                ended.append((i, StopReason.LENGTH))
        held = sum(step.logits.nbytes for step in self._measuring)
        shown = any(slot.request.on_step is not None for slot in slots)
        if shown or ended or held > _LOGITS_BYTES:
            self._measure()
        for i, reason in reversed(ended):
            self._leave(i, reason)

    def bring_first(self, chosen: Iterable[Slot]) -> None:
        """Order `slots` such that these rows, of which all are in it, come first."""
        first = set(map(id, chosen))
        outside = [i for i in range(len(first), len(self.slots)) if id(self.slots[i]) in first]
        for i in range(len(first)):
            if id(self.slots[i]) not in first:
                j = outside.pop()
                self._stepper.swap(i, j)
                self.slots[i], self.slots[j] = self.slots[j], self.slots[i]

    def cancel(self, request: Request) -> None:
        """End all rows of a request as they are."""
        self._measure()
        for i in range(len(self.slots) - 1, -1, -1):
            if self.slots[i].request is request:
                self._leave(i, StopReason.CANCELLED)
        for index, row in request.waiting:
            slot = Slot(request, index, row, 0)
            request.on_row(index, slot.result(StopReason.CANCELLED))
        request.waiting.clear()

    def drop(self, request: Request) -> None:
        """Remove a request whose rows are of no use to anyone."""
        for i in range(len(self.slots) - 1, -1, -1):
            if self.slots[i].request is request:
                self._stepper.retire(i, self.slots[i].ids[:-1], None)
                self.slots[i] = self.slots[-1]
                self.slots.pop()
        request.active = 0
        request.waiting.clear()

    def restart(self, without: Request) -> None:
        """Compute all keys and values anew, without those of a request that has broken them: by a
        step that ran out of memory halfway, or by values that are not numbers, which would reach
        the next row of the same slot even where they get no weight."""
        self._measure()
        self.slots = [slot for slot in self.slots if slot.request is not without]
        without.active = 0
        without.waiting.clear()
        capacity = max((len(slot.ids) for slot in self.slots), default=1)
        self._stepper = stepper_for(self._lm, max(len(self.slots), 1), capacity + _AHEAD)
        if self.slots:
            self._stepper.admit([slot.ids[:-1] for slot in self.slots], PrefixStore())

    def _beside_broken(
        self, slots: Sequence[Slot], logits: torch.Tensor, error: ModelError
    ) -> torch.Tensor:
        """Logits with zeros in the rows that have no numbers, whose requests get the error."""
        broken = ~logits.amax(dim=-1).isfinite()
        requests = [slots[i].request for i in broken.nonzero().flatten().tolist()]
        if all(slot.request in requests for slot in self.slots):
            raise error
        for request in requests:
            request.error = error
        return logits.masked_fill(broken.unsqueeze(-1), 0.0)

    def _choose(self, slots: Sequence[Slot], logits: torch.Tensor) -> torch.Tensor:
        """The next token of every row by its own sampler, (n,)."""
        alike: dict[Sampler, list[int]] = {}
        for i, slot in enumerate(slots):
            alike.setdefault(slot.request.draws_like, []).append(i)
        if len(alike) == 1:
            return _drawn(slots, logits, slots[0].request.draws_like)
        chosen = logits.new_empty(len(slots), dtype=torch.long)
        for sampler, rows in alike.items():
            chosen[rows] = _drawn([slots[i] for i in rows], logits[rows], sampler)
        return chosen

    def _put(
        self, slots: Sequence[Slot], logits: torch.Tensor, own_ids: Sequence[int]
    ) -> dict[int, int]:
        """Forced and substituted token ids, keyed by index in the batch."""
        put: dict[int, int] = {}
        if self._guidance is not None:
            places = [RowPosition(slot.index, slot.position, slot.ids[-1]) for slot in slots]
            put = self._guidance.substitutions(places, logits, own_ids)
        for i, slot in enumerate(slots):
            if slot.position in slot.row.forced:
                put[i] = slot.row.forced[slot.position]
        return put

    def _measure(self) -> None:
        """Compute the statistics of all pending steps. Only streaming needs them after each step;
        those of several steps together cost little more than those of one."""
        steps, self._measuring = self._measuring, []
        if not steps:
            return
        logits = torch.cat([step.logits for step in steps])
        chosen = torch.cat([step.chosen for step in steps])
        places = [place for step in steps for place in step.places]
        alike: dict[int, list[int]] = {}
        for i, (slot, _) in enumerate(places):
            alike.setdefault(slot.request.k, []).append(i)
        for k, rows in alike.items():
            if len(alike) == 1:
                packed = packed_statistics(logits, chosen, k).cpu().numpy()
            else:
                packed = packed_statistics(logits[rows], chosen[rows], k).cpu().numpy()
            for row, i in zip(packed, rows, strict=True):
                slot, position = places[i]
                slot.packed[position - len(slot.row.completion_ids)] = row
        for slot, position in places:
            if slot.request.on_step is not None:
                token_id = slot.ids[len(slot.row.prompt_ids) + position]
                at = position - len(slot.row.completion_ids)
                statistics = unpack_statistics(slot.packed[at : at + 1])
                slot.request.on_step(slot.index, token_id, statistics)

    def _leave(self, i: int, reason: StopReason) -> None:
        slot = self.slots[i]
        self._stepper.retire(i, slot.ids[:-1], slot.request.kept)
        if self._guidance is not None:
            self._guidance.retire(slot.index, slot.ids[:-1])
        self.slots[i] = self.slots[-1]
        self.slots.pop()
        slot.request.active -= 1
        slot.request.on_row(slot.index, slot.result(reason))


def out_of_memory(rows: int) -> ResourceError:
    """The error of a batch that was too large for its device."""
    return ResourceError(
        f"The device ran out of memory with {rows} rows at once.",
        "Lower max new tokens or the batch size, or free memory and try again.",
    )


def _drawn(slots: Sequence[Slot], logits: torch.Tensor, sampler: Sampler) -> torch.Tensor:
    """The next token of rows with one sampler, (n,)."""
    draws = at_forks = None
    if not sampler.greedy:
        draws = np.array([slot.uniforms[slot.position] for slot in slots])  # type: ignore[index]
    if sampler.forks is not None:
        if sampler.forks.random_share is None:
            at_forks = threshold_gate(entropy(logits).cpu().numpy(), sampler.forks.tau)
        else:
            at_forks = np.array(
                [slot.places[slot.position] for slot in slots]  # type: ignore[index]
            )
    return choose(logits, sampler, draws, at_forks)
