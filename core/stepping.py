"""One decoding step of many rows: each row gives its newest token, and gets its next logits."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import torch
from transformers import PreTrainedConfig, PreTrainedModel

from core.kv_cache import PrefixStore, RowCache, attention_windows
from core.prefill import prefill

if TYPE_CHECKING:
    from core.language_model import LanguageModel


class Stepper(Protocol):
    """Rows in slots 0 .. n-1; a retired row's slot is taken by the last row."""

    def admit(self, prefixes: Sequence[Sequence[int]]) -> None:
        """Append rows whose prefixes, all but each row's newest token, are given."""

    def step(self, tokens: Sequence[int]) -> torch.Tensor:
        """Feed the newest token of every row; returns logits (n, V).

        Raises:
            ModelError: they are not finite numbers.
        """

    def retire(self, slot: int, ids: Sequence[int]) -> None:
        """Drop a row, whose cached tokens are `ids`, whose keys and values a later fork may use."""


def can_share_prefixes(model: PreTrainedModel) -> bool:
    """Whether rows can be forked by cropping a cache: every layer is plain or windowed attention.
    Other models are recomputed instead."""
    return why_recomputed(model) is None


def why_recomputed(model: PreTrainedModel) -> str | None:
    """Why a model's rows can't share a prefix, in words for the screen; None where they can."""
    config: PreTrainedConfig = model.config.get_text_config(decoder=True)
    if getattr(model, "_is_stateful", False):
        return "it carries a state that can't be cut back to an earlier token"
    if others := sorted(set(getattr(config, "layer_types", None) or ()) - _CUTTABLE):
        return f"what its layers of the kind {others[0]} keep can't be cut back to an earlier token"
    own = model.get_base_model() if hasattr(model, "get_base_model") else model
    inputs = inspect.signature(own.forward).parameters
    if "past_key_values" not in inputs:
        return "it keeps no keys and values from one token to the next"
    if "position_ids" not in inputs:
        return "it counts its positions by the longest row of a batch"
    if config.model_type in _WINDOWS_OF_THE_BATCH:
        return "its attention windows are counted from the longest row of a batch"
    if getattr(config, "num_kv_shared_layers", 0):
        return "its layers share their keys and values"
    if getattr(config, "alibi", False):
        return "its attention counts positions by the mask (ALiBi)"
    if _rope_types(config) & {"longrope", "dynamic"}:
        return "its position embeddings change with the length of the text"
    return None


_WINDOWS_OF_THE_BATCH = {"gpt_neo", "moshi"}  # whatever the mask says
_CUTTABLE = {"full_attention", "sliding_attention"}


def _rope_types(config: PreTrainedConfig) -> set[str]:
    """Kinds of rotary embedding; some models have one a layer type."""
    rope = getattr(config, "rope_parameters", None) or {}
    each = [rope, *(value for value in rope.values() if isinstance(value, dict))]
    return {str(one["rope_type"]) for one in each if "rope_type" in one}


def stepper_for(
    lm: LanguageModel, slots: int, capacity: int, store: PrefixStore, keep_rows: bool
) -> Stepper:
    """The fastest stepper that is right for the model."""
    if lm.shares_prefixes:
        return CachedStepper(lm, slots, capacity, store, keep_rows)
    return RecomputingStepper(lm)


class CachedStepper:
    """Keeps keys and values; a row costs one position a step."""

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
        known = prefill(self._lm, prefixes, self._store)
        for prefix in prefixes:
            ids = tuple(prefix)
            key_values = next((kv for seq, kv in known if tuple(seq[: len(ids)]) == ids), [])
            self._cache.admit(key_values, len(ids))

    def step(self, tokens: Sequence[int]) -> torch.Tensor:
        cache = self._cache
        cache.begin_step()
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
    """Reads every row from its start at every step: slow, right for any causal model."""

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
