"""One decoding step for many rows: newest tokens in, next logits out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import torch

from core.decoding.kv_cache import RowCache
from core.decoding.prefill import prefill
from core.decoding.thin_head import thin_head
from core.models.architecture import attention_windows
from core.models.prefix_store import PrefixStore

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel


class Stepper(Protocol):
    """Rows in slots 0 .. n-1; a retired row's slot is taken by the last row."""

    def admit(self, prefixes: Sequence[Sequence[int]]) -> None:
        """Append rows, given their prefixes: all tokens but the newest."""

    def step(self, tokens: Sequence[int]) -> torch.Tensor:
        """Feed the newest token of every row; returns logits (n, V).

        Raises:
            ModelError: the logits are not finite.
        """

    def retire(self, slot: int, ids: Sequence[int]) -> None:
        """Remove a row whose cached tokens are `ids`; its keys and values may be kept for forks."""


def stepper_for(
    lm: LanguageModel, slots: int, capacity: int, store: PrefixStore, keep_rows: bool
) -> Stepper:
    """The fastest stepper that is correct for the model."""
    if lm.shares_prefixes:
        return CachedStepper(lm, slots, capacity, store, keep_rows)
    return RecomputingStepper(lm)


class CachedStepper:
    """Caches keys and values: a step computes one position per row."""

    def __init__(
        self, lm: LanguageModel, slots: int, capacity: int, store: PrefixStore, keep_rows: bool
    ) -> None:
        self._lm = lm
        self._keep_rows = keep_rows
        config = lm.model.config.get_text_config(decoder=True)
        self._windows = attention_windows(config)
        self._cache = RowCache(config.num_hidden_layers, slots, capacity, lm.device)
        self._store = store

    def admit(self, prefixes: Sequence[Sequence[int]]) -> None:
        slots = {self._cache.admit(len(prefix)): tuple(prefix) for prefix in prefixes}
        missing = {slot: ids for slot, ids in slots.items() if ids}
        for known, key_values in prefill(self._lm, prefixes, self._store):
            written = [slot for slot, ids in missing.items() if known[: len(ids)] == ids]
            for slot in written:
                self._cache.write(slot, key_values)
                del missing[slot]
        assert not missing, "every prefix is the start of a sequence"

    def step(self, tokens: Sequence[int]) -> torch.Tensor:
        cache = self._cache
        cache.begin_step()
        with thin_head(self._lm.model):
            logits: torch.Tensor = self._lm.model(
                input_ids=torch.tensor(tokens, device=self._lm.device).unsqueeze(-1),
                attention_mask=cache.attention_mask(self._windows, self._lm.model.dtype),
                position_ids=cache.position_ids(),
                past_key_values=cache,
                use_cache=True,
            ).logits[:, -1]
        cache.end_step()
        self._lm.check_finite(logits)
        return logits

    def retire(self, slot: int, ids: Sequence[int]) -> None:
        if self._keep_rows:
            self._store.put(ids, self._cache.row(slot))
        self._cache.retire(slot)


class RecomputingStepper:
    """Recomputes every row from its start at every step: slow, but correct for any causal model."""

    def __init__(self, lm: LanguageModel) -> None:
        self._lm = lm
        self._rows: list[list[int]] = []

    def admit(self, prefixes: Sequence[Sequence[int]]) -> None:
        self._rows.extend(list(prefix) for prefix in prefixes)

    def step(self, tokens: Sequence[int]) -> torch.Tensor:
        logits = []
        for row, token in zip(self._rows, tokens, strict=True):
            row.append(token)
            ids = torch.tensor([row], device=self._lm.device)
            output = self._lm.model(input_ids=ids, use_cache=False, logits_to_keep=1)
            logits.append(output.logits[:, -1])
        found = torch.cat(logits)
        self._lm.check_finite(found)
        return found

    def retire(self, slot: int, ids: Sequence[int]) -> None:
        self._rows[slot] = self._rows[-1]
        self._rows.pop()
