"""Run known token ids through a model to compute their keys and values, in bounded batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from transformers import DynamicCache

from core.models.memory import KEPT_A_FORWARD, TOKENS_A_FORWARD
from core.models.prefix_store import KeyValues, PrefixStore

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

_SHARED_AT_LEAST = 32  # tokens; fewer are computed again with each row


def prefill(
    lm: LanguageModel, prefixes: Iterable[Sequence[int]], store: PrefixStore
) -> Iterator[tuple[Sequence[int], KeyValues]]:
    """Compute keys and values for every non-empty prefix, each token once.

    A prefix of another prefix costs nothing: 50 forks of a chain need one prefill. Tokens covered
    by the store are not computed again.

    Yields:
        Sequences with their keys and values, one batch after another so that they are held only
        until they are copied; each prefix is the start of at least one of them.
    """
    missing: list[tuple[int, ...]] = []
    for ids in _maximal(prefixes):
        covered, key_values = store.longest(ids)
        if covered == len(ids):
            yield ids, key_values
        elif covered >= len(ids) // 2:
            extended = _extend(lm, ids, covered, key_values)
            store.put(ids, extended)
            yield ids, extended
        else:
            missing.append(ids)
    shared, key_values = _shared_beginning(lm, missing, store)
    for batch in _batches(missing, shared):
        filled = _fill(lm, batch, shared, key_values)
        for ids, own in zip(batch, filled, strict=True):
            store.put_copy(ids, own)
            yield ids, own


def left_to_read(ids: Sequence[int], store: PrefixStore) -> int:
    """How many tokens of a prefix the store doesn't have."""
    return len(ids) - store.longest(ids)[0]


def read_piece(lm: LanguageModel, ids: Sequence[int], store: PrefixStore, tokens: int) -> None:
    """Read at most `tokens` tokens more of a prefix into the store, so that a long one can be read
    between the steps of other rows."""
    covered, key_values = store.longest(ids)
    known, piece = tuple(ids[:covered]), tuple(ids[: covered + tokens])
    store.put(piece, _extend(lm, piece, covered, key_values))
    store.drop(known)  # the piece begins with it


def common_beginning(sequences: Sequence[tuple[int, ...]]) -> int:
    """How many token ids all of one or more sequences begin with."""
    first, last = min(sequences), max(sequences)  # the others begin with what these two share
    pairs = zip(first, last, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(first), len(last)))


def _shared_beginning(
    lm: LanguageModel, missing: Sequence[tuple[int, ...]], store: PrefixStore
) -> tuple[int, KeyValues]:
    """How many tokens all of several prefixes begin with, such as the examples of a few-shot
    prompt, and their keys and values; 0 where that is not worth a forward pass of its own."""
    if len(missing) < 2:
        return 0, []
    length = common_beginning(missing)
    if length < _SHARED_AT_LEAST:
        return 0, []
    ids = missing[0][:length]
    covered, key_values = store.longest(ids)
    if covered < length:
        key_values = _extend(lm, ids, covered, key_values)
        store.put(ids, key_values)
    return length, key_values


def _maximal(prefixes: Iterable[Sequence[int]]) -> list[tuple[int, ...]]:
    """Distinct prefixes that are not the start of another one."""
    ordered = sorted({tuple(ids) for ids in prefixes if len(ids)})
    last = [()] if not ordered else [ordered[-1]]
    kept = [a for a, b in pairwise(ordered) if b[: len(a)] != a]
    return [*kept, *(ids for ids in last if ids)]


def _batches(sequences: Sequence[tuple[int, ...]], shared: int) -> Iterable[list[tuple[int, ...]]]:
    """Sequences of like length together, at most TOKENS_A_FORWARD padded tokens at once beyond the
    `shared` ones, and at most KEPT_A_FORWARD with them."""
    batch: list[tuple[int, ...]] = []
    for ids in sorted(sequences, key=len):
        rows = len(batch) + 1
        computed, kept = rows * (len(ids) - shared), rows * len(ids)
        if batch and (computed > TOKENS_A_FORWARD or kept > KEPT_A_FORWARD):
            yield batch
            batch = []
        batch.append(ids)
    if batch:
        yield batch


def _fill(
    lm: LanguageModel, batch: list[tuple[int, ...]], shared: int, key_values: KeyValues
) -> Iterator[KeyValues]:
    """Keys and values of B sequences whose first `shared` tokens are known, padded on the right;
    per layer (heads, length, head_dim) each, parts of the batch's.

    No mask is needed: under causal attention no position attends to the padding after it.
    """
    width = max(map(len, batch)) - shared
    padded = torch.zeros((len(batch), width), dtype=torch.long)
    for row, ids in enumerate(batch):
        padded[row, : len(ids) - shared] = torch.tensor(ids[shared:])
    cache = cache_of(key_values, shared, rows=len(batch))
    for start in range(0, width, TOKENS_A_FORWARD):  # several only for a long row alone
        piece = padded[:, start : start + TOKENS_A_FORWARD].to(lm.device)
        lm.model(input_ids=piece, past_key_values=cache, use_cache=True, logits_to_keep=1)
    for row, ids in enumerate(batch):
        yield [
            (layer.keys[row, :, : len(ids)], layer.values[row, :, : len(ids)])
            for layer in cache.layers
        ]


def _extend(
    lm: LanguageModel, ids: Sequence[int], covered: int, key_values: KeyValues
) -> KeyValues:
    """Keys and values of a sequence whose first `covered` tokens are known."""
    cache = cache_of(key_values, covered)
    for start in range(covered, len(ids), TOKENS_A_FORWARD):
        piece = torch.tensor([ids[start : start + TOKENS_A_FORWARD]], device=lm.device)
        lm.model(input_ids=piece, past_key_values=cache, use_cache=True, logits_to_keep=1)
    return [(layer.keys[0], layer.values[0]) for layer in cache.layers]


def cache_of(key_values: KeyValues, length: int, rows: int = 1) -> DynamicCache:
    """A transformers cache of `rows` rows that begin with the first `length` positions of
    `key_values`."""
    cache = DynamicCache()
    for index, (keys, values) in enumerate(key_values):
        there = [each[None, :, :length].expand(rows, -1, -1, -1) for each in (keys, values)]
        cache.update(there[0], there[1], index)
    return cache
