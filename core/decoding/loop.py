"""The decode loop: rows are stepped as a batch, each with its own statistics and randomness.

Rows join when a slot is free and leave when they end, which keeps the batch full. Rows that share
a prefix (a chain and its forks) share its prefill. A teacher may read along, and rules may
substitute tokens (core/decoding/guidance.py).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from core.decoding.guidance import Guidance, Guide, RowPosition
from core.decoding.sampling import choose, random_places, uniforms
from core.decoding.settings import DEFAULT_BATCH_SIZE
from core.decoding.stepping import stepper_for
from core.entropy import entropy, packed_statistics, threshold_gate, unpack_statistics
from core.errors import PositionError, ResourceError, SamplerError
from core.models.locks import hold
from core.models.memory import is_out_of_memory
from core.models.prefix_store import PrefixStore
from core.records import DEFAULT_ALTERNATIVES, Sampler, StopReason, TokenStatistics
from core.tokens.stop_strings import StopMatcher

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

_LOGITS_BYTES = 2**20  # limit for logits held until their statistics are computed


@dataclass(frozen=True)
class Row:
    """A chain to continue. Positions count completion tokens from 0."""

    prompt_ids: tuple[int, ...]
    completion_ids: tuple[int, ...] = ()  # kept from an earlier chain
    forced: Mapping[int, int] = field(default_factory=dict)  # position -> token id
    seed: int = 0


@dataclass(frozen=True)
class Decoded:
    """The N new tokens of a row, from position `start` on."""

    start: int
    token_ids: tuple[int, ...]  # (N,)
    statistics: TokenStatistics  # (N,)
    forced: tuple[bool, ...]  # (N,) forced by the row or substituted by its rule
    stop_reason: StopReason
    replaced: Mapping[int, int]  # forced position -> the token the model would have chosen


OnStep = Callable[[int, int, TokenStatistics], None]
"""Called after every token with the row's index, the token's id and its statistics (length 1)."""


def decode(
    lm: LanguageModel,
    rows: Sequence[Row],
    sampler: Sampler,
    *,
    k: int = DEFAULT_ALTERNATIVES,
    batch_size: int = DEFAULT_BATCH_SIZE,
    on_step: OnStep | None = None,
    on_row: Callable[[int, Decoded], None] | None = None,
    cancel: Callable[[], bool] = lambda: False,
    store: PrefixStore | None = None,
    keep_rows: bool = False,
    guide: Guide | None = None,
) -> list[Decoded]:
    """Continue every row until it ends.

    Args:
        lm: the model; its lock and that of the guide's teacher are held throughout.
        rows: to continue. A row ends at an end-of-sequence token, when its completion (including
            the tokens kept) has `sampler.max_new_tokens` tokens, or at the end of the context.
        sampler: how tokens that are not forced are drawn.
        k: alternatives stored per position.
        batch_size: maximum number of rows at once.
        on_step: called with every token as it is drawn (streaming).
        on_row: called with every row when it ends.
        cancel: polled between steps; when true, all rows end as "cancelled".
        store: prefixes to reuse; None: a private store.
        keep_rows: also store finished rows, for later forks.
        guide: a teacher and one rule per row; greedy decoding only. Tokens forced by a row take
            precedence over its rule.

    Returns:
        One result per row, in order.

    Raises:
        PositionError: a forced position or token that does not exist.
        ModelError: the model's or the teacher's logits are not finite.
        SamplerError: a guide with a sampler that is not greedy.
        ResourceError: the device ran out of memory.
        ValueError: the number of rules differs from the number of rows.
    """
    if guide is not None:
        _check_guide(guide, rows, sampler)
    for row in rows:
        _check_forced(row, lm.vocab_size)
    if not rows:
        return []
    k = min(k, lm.vocab_size)
    size = min(batch_size, len(rows))
    store = PrefixStore() if store is None else store
    loop = _Loop(lm, rows, sampler, k, size, store, keep_rows, guide)
    models = [lm] if guide is None else [lm, guide.teacher]
    with hold(models, cancel) as held:
        if not held:
            return loop.run(on_step, on_row, cancel)  # already cancelled: all rows end at once
        max(models, key=lambda model: model.threads).use_threads()
        try:
            with torch.inference_mode():
                return loop.run(on_step, on_row, cancel)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            for model in models:
                model.prefixes.clear()
            raise ResourceError(
                f"The device ran out of memory with {loop.size} rows at once.",
                "Lower max new tokens or the batch size, or free memory and try again.",
            ) from error


def _check_guide(guide: Guide, rows: Sequence[Row], sampler: Sampler) -> None:
    if len(guide.rules) != len(rows):
        raise ValueError(f"{len(guide.rules)} rules for {len(rows)} rows")
    if not sampler.greedy:
        raise SamplerError("A teacher can only guide greedy decoding.", "Set the temperature to 0.")


def _check_forced(row: Row, vocab_size: int) -> None:
    for position, token_id in row.forced.items():
        if position < len(row.completion_ids):
            raise PositionError(
                f"Position {position} lies inside the kept part of the chain.",
                f"Force at position {len(row.completion_ids)} or later.",
            )
        check_token_id(token_id, vocab_size)


def check_token_id(token_id: int, vocab_size: int) -> None:
    """Reject a token id outside the model's vocabulary.

    Raises:
        PositionError: naming the valid ids.
    """
    if not 0 <= token_id < vocab_size:
        raise PositionError(
            f"Token id {token_id} is not in the model's vocabulary.",
            f"Use an id from 0 to {vocab_size - 1}.",
        )


class _Slot:
    """The state of an active row."""

    def __init__(self, index: int, row: Row, limit: int, sampler: Sampler, k: int) -> None:
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
        self.packed = np.empty((max(0, limit - self.position), 2 * k + 3), dtype=np.float32)

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
    places: list[tuple[_Slot, int]]  # (n,) rows and the positions of their tokens


class _Loop:
    def __init__(
        self,
        lm: LanguageModel,
        rows: Sequence[Row],
        sampler: Sampler,
        k: int,
        size: int,
        store: PrefixStore,
        keep_rows: bool,
        guide: Guide | None,
    ) -> None:
        self.lm = lm
        self.sampler = sampler
        self.k = k
        self.size = size
        self.waiting = deque(enumerate(rows))
        self.slots: list[_Slot] = []
        self.measuring: list[_Step] = []
        self.results: list[Decoded | None] = [None] * len(rows)
        longest = max(len(row.prompt_ids) + len(row.completion_ids) for row in rows)
        capacity = longest + min(sampler.max_new_tokens, 256)
        self.stepper = stepper_for(lm, size, capacity, store, keep_rows)
        self.context_length = lm.context_length
        self.guidance: Guidance | None = None
        if guide is not None:
            self.context_length = min(lm.context_length, guide.teacher.context_length)
            self.guidance = Guidance(lm, guide, size, capacity)

    def run(
        self,
        on_step: OnStep | None,
        on_row: Callable[[int, Decoded], None] | None,
        cancel: Callable[[], bool],
    ) -> list[Decoded]:
        self._on_row = on_row
        while True:
            if cancel():
                self._cancel()
                break
            self._admit()
            if not self.slots:
                break
            self._step(on_step)
        return [result for result in self.results if result is not None]

    def _admit(self) -> None:
        fresh: list[_Slot] = []
        while self.waiting and len(self.slots) + len(fresh) < self.size:
            index, row = self.waiting.popleft()
            limit = min(self.sampler.max_new_tokens, self.context_length - len(row.prompt_ids))
            slot = _Slot(index, row, limit, self.sampler, self.k)
            if self.sampler.stop:
                slot.stops = StopMatcher(
                    self.lm.text, self.sampler.stop, row.prompt_ids, row.completion_ids
                )
            if slot.position >= limit:
                self._finish(slot, StopReason.LENGTH)
            else:
                fresh.append(slot)
        if fresh:
            prefixes = [slot.ids[:-1] for slot in fresh]
            self.stepper.admit(prefixes)
            if self.guidance is not None:
                self.guidance.admit([slot.index for slot in fresh], prefixes)
            self.slots.extend(fresh)

    def _step(self, on_step: OnStep | None) -> None:
        slots = self.slots
        logits = self.stepper.step([slot.ids[-1] for slot in slots]).float()
        draws = None
        if not self.sampler.greedy:
            draws = np.array([slot.uniforms[slot.position] for slot in slots])  # type: ignore[index]
        chosen = choose(logits, self.sampler, draws, self._at_forks(logits))
        token_ids: list[int] = chosen.tolist()
        if put := self._put(logits, token_ids):
            for i, token_id in put.items():
                slots[i].replaced[slots[i].position] = token_ids[i]
                token_ids[i] = token_id
            chosen = torch.tensor(token_ids, device=chosen.device)
        self.measuring.append(_Step(logits, chosen, [(slot, slot.position) for slot in slots]))
        ended: list[tuple[int, StopReason]] = []
        for i, (slot, token_id) in enumerate(zip(slots, token_ids, strict=True)):
            slot.ids.append(token_id)
            slot.position += 1
            if token_id in self.lm.eos_ids:
                ended.append((i, StopReason.EOS))
            elif slot.stops is not None and slot.stops.push(token_id):
                ended.append((i, StopReason.STOP))
            elif slot.position >= slot.limit:
                ended.append((i, StopReason.LENGTH))
        held = len(self.measuring) * logits.nbytes
        if on_step is not None or ended or held > _LOGITS_BYTES:
            self._measure(on_step)
        for i, reason in reversed(ended):
            self._leave(i, reason)

    def _at_forks(self, logits: torch.Tensor) -> NDArray[np.bool_] | None:
        """The rows, (n,), whose next token is drawn at the temperature of forks."""
        forks = self.sampler.forks
        if forks is None:
            return None
        if forks.random_share is None:
            return threshold_gate(entropy(logits).cpu().numpy(), forks.tau)
        return np.array([slot.places[slot.position] for slot in self.slots])  # type: ignore[index]

    def _put(self, logits: torch.Tensor, own_ids: Sequence[int]) -> dict[int, int]:
        """Forced and substituted token ids, keyed by index in the batch."""
        put: dict[int, int] = {}
        if self.guidance is not None:
            places = [RowPosition(slot.index, slot.position, slot.ids[-1]) for slot in self.slots]
            put = self.guidance.substitutions(places, logits, own_ids)
        for i, slot in enumerate(self.slots):
            if slot.position in slot.row.forced:
                put[i] = slot.row.forced[slot.position]
        return put

    def _measure(self, on_step: OnStep | None = None) -> None:
        """Compute the statistics of all pending steps. Only streaming needs them after each step;
        those of several steps together cost little more than those of one."""
        steps, self.measuring = self.measuring, []
        if not steps:
            return
        logits = torch.cat([step.logits for step in steps])
        chosen = torch.cat([step.chosen for step in steps])
        packed = packed_statistics(logits, chosen, self.k).cpu().numpy()
        places = [place for step in steps for place in step.places]
        for i, (slot, position) in enumerate(places):
            slot.packed[position - len(slot.row.completion_ids)] = packed[i]
            if on_step is not None:
                token_id = slot.ids[len(slot.row.prompt_ids) + position]
                on_step(slot.index, token_id, unpack_statistics(packed[i : i + 1]))

    def _leave(self, i: int, reason: StopReason) -> None:
        slot = self.slots[i]
        self.stepper.retire(i, slot.ids[:-1])
        if self.guidance is not None:
            self.guidance.retire(slot.index, slot.ids[:-1])
        self.slots[i] = self.slots[-1]
        self.slots.pop()
        self._finish(slot, reason)

    def _finish(self, slot: _Slot, reason: StopReason) -> None:
        result = slot.result(reason)
        self.results[slot.index] = result
        if self._on_row is not None:
            self._on_row(slot.index, result)

    def _cancel(self) -> None:
        self._measure()
        while self.slots:
            self._leave(len(self.slots) - 1, StopReason.CANCELLED)
        for index, row in self.waiting:
            slot = _Slot(index, row, 0, self.sampler, self.k)
            self._finish(slot, StopReason.CANCELLED)
        self.waiting.clear()
