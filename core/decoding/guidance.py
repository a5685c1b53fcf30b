"""Guided decoding: a teacher reads along, and a rule per row may substitute its tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from core.decoding.settings import TOP
from core.decoding.stepping import stepper_for
from core.entropy import entropy, js_divergence
from core.models.prefix_store import PrefixStore

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel


@dataclass(frozen=True)
class StepContext:
    """What a rule sees at one position, before its token is chosen. "Base" is the model that writes
    the chain, "teacher" the one that reads along."""

    position: int  # of the completion, from 0
    entropy: np.float32  # nats, of the base's raw distribution
    base_id: int  # the base's argmax, used unless the rule returns another token
    top_ids: Sequence[int]  # the base's, most probable first; at most `TOP`
    teacher_id: int  # the teacher's argmax on the same prefix
    divergence: float = float("nan")  # nats, Jensen-Shannon; only where the guide asks for it


Rule = Callable[[StepContext], int | None]
"""Returns the token to force, or None for the base's own. Called once per position, in order. A
rule may keep state (counts, random draws), so each row needs its own."""


@dataclass(frozen=True)
class Guide:
    """The teacher, and one rule per row. Rows without a rule (None) are decoded normally, without
    the teacher. `store` caches the teacher's prefixes; None: a private store. `keep_rows` also
    stores its finished rows there, for later forks."""

    teacher: LanguageModel
    rules: Sequence[Rule | None]
    store: PrefixStore | None = None
    divergence: bool = False  # whether rules see the divergence of the two distributions
    keep_rows: bool = False


@dataclass(frozen=True)
class RowPosition:
    """The next position of a row in the batch."""

    row: int
    position: int  # of the token to be chosen
    newest: int  # id of the token before it


class Guidance:
    """The teacher's side of a decode loop: it reads along in every row that has a rule.

    Ids beyond the teacher's vocabulary are padding of the base's vocabulary and have no text; the
    teacher reads them as its own last id. Teacher ids beyond the base's vocabulary are ignored.
    """

    def __init__(self, lm: LanguageModel, guide: Guide, slots: int, capacity: int) -> None:
        self._width = lm.vocab_size
        self._last_id = guide.teacher.vocab_size - 1
        self._rules = guide.rules
        self._divergence = guide.divergence
        self._teacher = guide.teacher
        self._store = PrefixStore() if guide.store is None else guide.store
        self._kept = self._store if guide.keep_rows else None
        self._stepper = stepper_for(guide.teacher, slots, capacity)
        self._rows: list[int] = []  # in the teacher's slots

    def admit(self, rows: Sequence[int], prefixes: Sequence[Sequence[int]]) -> None:
        """Add rows; their prefixes are all tokens but the newest."""
        ruled = [i for i, row in enumerate(rows) if self._rules[row] is not None]
        if ruled:
            self._stepper.admit([self._readable(prefixes[i]) for i in ruled], self._store)
            self._rows.extend(rows[i] for i in ruled)

    def substitutions(
        self, places: Sequence[RowPosition], logits: torch.Tensor, base_ids: Sequence[int]
    ) -> dict[int, int]:
        """Token ids that the rules substitute, keyed by index in the batch.

        Args:
            places: the n rows of the batch.
            logits: (n, V) float32, the base's.
            base_ids: (n,) argmax of the logits.
        """
        if not self._rows:
            return {}
        index = {place.row: i for i, place in enumerate(places)}
        order = [index[row] for row in self._rows]
        newest = self._readable([places[i].newest for i in order])
        teacher = self._stepper.step(newest)
        self._teacher.check_finite(teacher)
        teacher = teacher[:, : self._width]
        teacher_ids = teacher.argmax(dim=-1).tolist()
        base = logits[order]
        divergences = self._divergences(base, teacher)
        entropies = entropy(base).cpu().numpy()
        top_ids = base.topk(min(TOP, base.shape[-1]), dim=-1).indices.tolist()
        put: dict[int, int] = {}
        for i, nats, top, teacher_id, apart in zip(
            order, entropies, top_ids, teacher_ids, divergences, strict=True
        ):
            rule = self._rules[places[i].row]
            assert rule is not None
            token_id = rule(
                StepContext(places[i].position, nats, base_ids[i], top, teacher_id, apart)
            )
            if token_id is not None:
                put[i] = token_id
        return put

    def _divergences(self, base: torch.Tensor, teacher: torch.Tensor) -> list[float]:
        """Jensen-Shannon, (n,) nats, over the ids that both have; NaN where no rule asks."""
        if not self._divergence:
            return [float("nan")] * len(base)
        width = min(base.shape[-1], teacher.shape[-1])
        both = (base[:, :width].softmax(-1), teacher[:, :width].float().to(base.device).softmax(-1))
        return js_divergence(*both).squeeze(-1).tolist()

    def retire(self, row: int, ids: Sequence[int]) -> None:
        """Remove a row, if it has a rule."""
        if self._rules[row] is None:
            return
        slot = self._rows.index(row)
        self._stepper.retire(slot, self._readable(ids), self._kept)
        self._rows[slot] = self._rows[-1]
        self._rows.pop()

    def _readable(self, ids: Sequence[int]) -> list[int]:
        return [min(token_id, self._last_id) for token_id in ids]
