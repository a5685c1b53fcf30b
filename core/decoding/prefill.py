"""Run known token ids through a model to compute their keys and values, in bounded batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from transformers import DynamicCache

from core.models.prefix_store import KeyValues, PrefixStore

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

_TOKENS_A_FORWARD = 4096  # limits the activations of one forward pass


def prefill(
    lm: LanguageModel, prefixes: Iterable[Sequence[int]], store: PrefixStore
) -> list[tuple[Sequence[int], KeyValues]]:
    """Compute keys and values for every non-empty prefix, each token once.

    A prefix of another prefix costs nothing: 50 forks of a chain need one prefill. Tokens covered
    by the store are not computed again.

    Returns:
        Sequences with their keys and values; each prefix is the start of at least one of them.
    """
    known: list[tuple[Sequence[int], KeyValues]] = []
    missing: list[tuple[int, ...]] = []
    for ids in _maximal(prefixes):
        covered, key_values = store.longest(ids)
        if covered == len(ids):
            known.append((ids, key_values))
        elif covered >= len(ids) // 2:
            known.append((ids, _extend(lm, ids, covered, key_values)))
            store.put(*known[-1])
        else:
            missing.append(ids)
    for batch in _batches(missing):
        for ids, key_values in zip(batch, _fill(lm, batch), strict=True):
            known.append((ids, key_values))
            store.put(ids, key_values)
    return known


def _maximal(prefixes: Iterable[Sequence[int]]) -> list[tuple[int, ...]]:
    """Distinct prefixes that are not the start of another one."""
    ordered = sorted({tuple(ids) for ids in prefixes if len(ids)})
    last = [()] if not ordered else [ordered[-1]]
    kept = [a for a, b in pairwise(ordered) if b[: len(a)] != a]
    return [*kept, *(ids for ids in last if ids)]


def _batches(sequences: list[tuple[int, ...]]) -> Iterable[list[tuple[int, ...]]]:
    """Batch sequences of similar lengths, up to _TOKENS_A_FORWARD tokens including padding."""
    batch: list[tuple[int, ...]] = []
    for ids in sorted(sequences, key=len):
        if batch and (len(batch) + 1) * len(ids) > _TOKENS_A_FORWARD:
            yield batch
            batch = []
        batch.append(ids)
    if batch:
        yield batch


def _fill(lm: LanguageModel, batch: list[tuple[int, ...]]) -> list[KeyValues]:
    """Keys and values of B right-padded sequences, per layer (heads, length, head_dim) each.

    No mask is needed: under causal attention no position attends to the padding after it.
    """
    if len(batch) == 1:
        return [_extend(lm, batch[0], 0, [])]
    width = max(map(len, batch))
    padded = torch.zeros((len(batch), width), dtype=torch.long)
    for row, ids in enumerate(batch):
        padded[row, : len(ids)] = torch.tensor(ids)
    cache = DynamicCache()
    lm.model(
        input_ids=padded.to(lm.device), past_key_values=cache, use_cache=True, logits_to_keep=1
    )
    return [
        [
            (layer.keys[row, :, : len(ids)].clone(), layer.values[row, :, : len(ids)].clone())
            for layer in cache.layers
        ]
        for row, ids in enumerate(batch)
    ]


def _extend(
    lm: LanguageModel, ids: Sequence[int], covered: int, key_values: KeyValues
) -> KeyValues:
    """Keys and values of a sequence whose first `covered` tokens are known."""
    cache = cache_of(key_values, covered)
    for start in range(covered, len(ids), _TOKENS_A_FORWARD):
        piece = torch.tensor([ids[start : start + _TOKENS_A_FORWARD]], device=lm.device)
        lm.model(input_ids=piece, past_key_values=cache, use_cache=True, logits_to_keep=1)
    return [(layer.keys[0], layer.values[0]) for layer in cache.layers]


def cache_of(key_values: KeyValues, length: int) -> DynamicCache:
    """A transformers cache of one row with the first `length` positions of `key_values`."""
    cache = DynamicCache()
    for index, (keys, values) in enumerate(key_values):
        cache.update(keys[None, :, :length], values[None, :, :length], index)
    return cache
