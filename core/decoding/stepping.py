"""One decoding step for many rows: newest tokens in, next logits out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import torch

from core.decoding.beginning import SHARED_AT_LEAST, announcements, can_share_beginnings
from core.decoding.kv_cache import RowCache
from core.decoding.prefill import common_beginning, prefill
from core.decoding.thin_head import thin_head
from core.models.architecture import attention_windows
from core.models.prefix_store import PrefixStore

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel


class Stepper(Protocol):
    """Rows in slots 0 .. n-1; a retired row's slot is taken by the last row."""

    def admit(self, prefixes: Sequence[Sequence[int]], store: PrefixStore) -> None:
        """Append rows, given their prefixes: all tokens but the newest. What the store has isn't
        computed again."""

    def step(self, tokens: Sequence[int]) -> torch.Tensor:
        """Feed the newest tokens of the first m rows; returns logits (m, V), which may be anything
        but finite: `LanguageModel.check_finite` looks."""

    def swap(self, a: int, b: int) -> None:
        """Exchange the slots of two rows."""

    def retire(self, slot: int, ids: Sequence[int], keep: PrefixStore | None) -> None:
        """Remove a row whose cached tokens are `ids`; `keep` gets its keys and values."""


def stepper_for(lm: LanguageModel, slots: int, capacity: int) -> Stepper:
    """The fastest stepper that is correct for the model, with room for `slots` rows of `capacity`
    tokens at first."""
    if lm.shares_prefixes:
        return CachedStepper(lm, slots, capacity)
    return RecomputingStepper(lm)


class CachedStepper:
    """Caches keys and values: a step computes one position per row."""

    def __init__(self, lm: LanguageModel, slots: int, capacity: int) -> None:
        self._lm = lm
        config = lm.model.config.get_text_config(decoder=True)
        self._windows = attention_windows(config)
        self._cache = RowCache(config.num_hidden_layers, slots, capacity, lm.device)
        self._can_share = can_share_beginnings(lm.model)
        self._beginning: tuple[int, ...] = ()  # token ids that all rows begin with, kept once

    def admit(self, prefixes: Sequence[Sequence[int]], store: PrefixStore) -> None:
        writes_beginning = self._share(prefixes)
        slots = {self._cache.admit(len(prefix)): tuple(prefix) for prefix in prefixes}
        missing = {slot: ids for slot, ids in slots.items() if ids}
        for known, key_values in prefill(self._lm, prefixes, store):
            if writes_beginning:
                self._cache.write_beginning(key_values)
                writes_beginning = False
            written = [slot for slot, ids in missing.items() if known[: len(ids)] == ids]
            for slot in written:
                self._cache.write(slot, key_values)
                del missing[slot]
        assert not missing, "every prefix is the start of a sequence"

    def step(self, tokens: Sequence[int]) -> torch.Tensor:
        cache = self._cache
        cache.begin_step(len(tokens))
        with thin_head(self._lm.model), announcements():
            logits: torch.Tensor = self._lm.model(
                input_ids=torch.tensor(tokens, device=self._lm.device).unsqueeze(-1),
                attention_mask=cache.attention_mask(self._windows, self._lm.model.dtype),
                position_ids=cache.position_ids(),
                past_key_values=cache,
                use_cache=True,
            ).logits[:, -1]
        cache.end_step()
        return logits

    def _share(self, joining: Sequence[Sequence[int]]) -> bool:
        """Before rows join: decide which beginning all rows share; returns whether it is still to
        be written."""
        if self._cache.active == 0:
            common = 0
            if self._can_share and len(joining) > 1:
                common = common_beginning([tuple(ids) for ids in joining])
            self._beginning = tuple(joining[0][: common if common >= SHARED_AT_LEAST else 0])
            self._cache.begin(len(self._beginning))
            return bool(self._beginning)
        if any(tuple(ids[: len(self._beginning)]) != self._beginning for ids in joining):
            self._cache.end_sharing()
            self._beginning = ()
        return False

    def swap(self, a: int, b: int) -> None:
        self._cache.swap(a, b)

    def retire(self, slot: int, ids: Sequence[int], keep: PrefixStore | None) -> None:
        if keep is not None:
            keep.put(ids, self._cache.row(slot))
        self._cache.retire(slot)


class RecomputingStepper:
    """Recomputes every row from its start at every step: slow, but correct for any causal model."""

    def __init__(self, lm: LanguageModel) -> None:
        self._lm = lm
        self._rows: list[list[int]] = []

    def admit(self, prefixes: Sequence[Sequence[int]], store: PrefixStore) -> None:
        self._rows.extend(list(prefix) for prefix in prefixes)

    def step(self, tokens: Sequence[int]) -> torch.Tensor:
        logits = []
        for row, token in zip(self._rows, tokens, strict=False):
            ids = torch.tensor([[*row, token]], device=self._lm.device)
            output = self._lm.model(input_ids=ids, use_cache=False, logits_to_keep=1)
            logits.append(output.logits[:, -1])
        for row, token in zip(self._rows, tokens, strict=False):
            row.append(token)
        return torch.cat(logits)

    def swap(self, a: int, b: int) -> None:
        self._rows[a], self._rows[b] = self._rows[b], self._rows[a]

    def retire(self, slot: int, ids: Sequence[int], keep: PrefixStore | None) -> None:
        self._rows[slot] = self._rows[-1]
        self._rows.pop()
