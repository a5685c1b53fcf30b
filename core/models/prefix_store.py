"""A store of keys and values of prefixes, which forks reuse instead of a prefill."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

KeyValues = list[tuple[torch.Tensor, torch.Tensor]]
"""Keys and values of one row per layer, each (heads, length, head_dim)."""


@dataclass(frozen=True)
class _Entry:
    ids: np.ndarray[Any, Any]  # (T,)
    key_values: KeyValues
    size: int  # bytes


class PrefixStore:
    """Keys and values of recent token sequences.

    The least recently used sequences are dropped when more than `max_bytes` are held.
    """

    def __init__(self, max_bytes: int = 512 * 2**20) -> None:
        self.max_bytes = max_bytes
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self._held = 0  # bytes

    def put(self, ids: Sequence[int], key_values: KeyValues) -> None:
        """Store a sequence; `key_values` covers all of `ids`."""
        entry = _Entry(np.asarray(ids, dtype=np.int32), key_values, _size(key_values))
        key = entry.ids.tobytes()
        if key in self._entries:
            self._held -= self._entries.pop(key).size
        self._entries[key] = entry
        self._held += entry.size
        while self._held > self.max_bytes and len(self._entries) > 1:
            self._held -= self._entries.popitem(last=False)[1].size

    def put_copy(self, ids: Sequence[int], key_values: KeyValues) -> None:
        """Store a copy, where `key_values` are parts of larger tensors."""
        self.put(ids, [(keys.clone(), values.clone()) for keys, values in key_values])

    def longest(self, ids: Sequence[int]) -> tuple[int, KeyValues]:
        """The longest stored prefix of `ids`: its length in tokens, and keys and values, which may
        extend beyond it."""
        wanted = np.asarray(ids, dtype=np.int32)
        best, best_key = 0, None
        for key, entry in self._entries.items():
            known = entry.ids
            n = min(len(known), len(wanted))
            differing = np.flatnonzero(known[:n] != wanted[:n])
            covered = int(differing[0]) if len(differing) else n
            if covered > best:
                best, best_key = covered, key
        if best_key is None:
            return 0, []
        self._entries.move_to_end(best_key)
        return best, self._entries[best_key].key_values

    def drop(self, ids: Sequence[int]) -> None:
        """Drop a sequence, if it is stored."""
        entry = self._entries.pop(np.asarray(ids, dtype=np.int32).tobytes(), None)
        if entry is not None:
            self._held -= entry.size

    def clear(self) -> None:
        """Drop all sequences."""
        self._entries.clear()
        self._held = 0


def _size(key_values: KeyValues) -> int:
    return sum(keys.nbytes + values.nbytes for keys, values in key_values)
