"""A second model reads rows while they are decoded, and a rule a row may overrule their tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from core.decoding.settings import TOP
from core.decoding.stepping import stepper_for
from core.entropy import entropy
from core.models.prefix_store import PrefixStore

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel


@dataclass(frozen=True)
class StepContext:
    """What a rule knows when a token is about to stand at a position."""

    position: int  # of the completion, from 0
    entropy: np.float32  # nats, of the base's raw distribution
    base_id: int  # the base's argmax: what stands here unless the rule says otherwise
    top_ids: Sequence[int]  # the base's, most probable first; at most `TOP`
    teacher_id: int  # the teacher's argmax on the same prefix


Rule = Callable[[StepContext], int | None]
"""The token that stands there, or None to leave the base's own. Asked once a position, in order;
a rule may count or draw, so each row needs one of its own."""


@dataclass(frozen=True)
class Guide:
    """The teacher, and one rule a row. A row without a rule is decoded plainly and costs the
    teacher nothing. The teacher's prefixes are kept in `store`, a private one when None."""

    teacher: LanguageModel
    rules: Sequence[Rule | None]
    store: PrefixStore | None = None


@dataclass(frozen=True)
class Place:
    """Where a row of the batch stands."""

    row: int
    position: int  # of the token about to be chosen
    newest: int  # the token before it


class Guidance:
    """The teacher's half of a decode loop: it follows every row that has a rule.

    An id beyond the teacher's vocabulary is padding of the base's, of which no text is made; the
    teacher reads it as its own last id. The teacher's ids beyond the base's never win.
    """

    def __init__(self, lm: LanguageModel, guide: Guide, slots: int, capacity: int) -> None:
        self._width = lm.vocab_size
        self._last_id = guide.teacher.vocab_size - 1
        self._rules = guide.rules
        store = PrefixStore() if guide.store is None else guide.store
        self._stepper = stepper_for(guide.teacher, slots, capacity, store, keep_rows=False)
        self._rows: list[int] = []  # in the teacher's slots

    def admit(self, rows: Sequence[int], prefixes: Sequence[Sequence[int]]) -> None:
        """Follow new rows; their prefixes are all but the newest token."""
        ruled = [i for i, row in enumerate(rows) if self._rules[row] is not None]
        if ruled:
            self._stepper.admit([self._readable(prefixes[i]) for i in ruled])
            self._rows.extend(rows[i] for i in ruled)

    def overrule(
        self, places: Sequence[Place], logits: torch.Tensor, base_ids: Sequence[int]
    ) -> dict[int, int]:
        """What the rules put, by place in the batch.

        Args:
            places: n rows of the batch.
            logits: (n, V) float32, the base's.
            base_ids: (n,) their argmaxes.
        """
        if not self._rows:
            return {}
        index = {place.row: i for i, place in enumerate(places)}
        order = [index[row] for row in self._rows]
        newest = self._readable([places[i].newest for i in order])
        teacher_ids = self._stepper.step(newest)[:, : self._width].argmax(dim=-1).tolist()
        base = logits[order]
        entropies = entropy(base).cpu().numpy()
        top_ids = base.topk(min(TOP, base.shape[-1]), dim=-1).indices.tolist()
        put: dict[int, int] = {}
        for i, nats, top, teacher_id in zip(order, entropies, top_ids, teacher_ids, strict=True):
            rule = self._rules[places[i].row]
            assert rule is not None
            token_id = rule(StepContext(places[i].position, nats, base_ids[i], top, teacher_id))
            if token_id is not None:
                put[i] = token_id
        return put

    def retire(self, row: int, ids: Sequence[int]) -> None:
        """Stop following a row, if it was followed."""
        if self._rules[row] is None:
            return
        slot = self._rows.index(row)
        self._stepper.retire(slot, self._readable(ids))
        self._rows[slot] = self._rows[-1]
        self._rows.pop()

    def _readable(self, ids: Sequence[int]) -> list[int]:
        return [min(token_id, self._last_id) for token_id in ids]
