"""A store of keys and values of prefixes, which forks reuse instead of a prefill."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

KeyValues = list[tuple[torch.Tensor, torch.Tensor]]
"""Keys and values of one row per layer, each (heads, length, head_dim)."""


class PrefixStore:
    """Keys and values of recent token sequences.

    The least recently used sequences are dropped when more than `max_bytes` are held.
    """

    def __init__(self, max_bytes: int = 512 * 2**20) -> None:
        self.max_bytes = max_bytes
        self._entries: OrderedDict[bytes, tuple[np.ndarray[Any, Any], KeyValues]] = OrderedDict()

    def put(self, ids: Sequence[int], key_values: KeyValues) -> None:
        """Store a sequence; `key_values` covers all of `ids`."""
        array = np.asarray(ids, dtype=np.int32)
        self._entries[array.tobytes()] = (array, key_values)
        self._entries.move_to_end(array.tobytes())
        held = sum(_size(entry[1]) for entry in self._entries.values())
        while held > self.max_bytes and len(self._entries) > 1:
            _, (_, dropped) = self._entries.popitem(last=False)
            held -= _size(dropped)

    def longest(self, ids: Sequence[int]) -> tuple[int, KeyValues]:
        """The longest stored prefix of `ids`: its length in tokens, and keys and values, which may
        extend beyond it."""
        wanted = np.asarray(ids, dtype=np.int32)
        best, best_key = 0, None
        for key, (known, _) in self._entries.items():
            n = min(len(known), len(wanted))
            differing = np.flatnonzero(known[:n] != wanted[:n])
            covered = int(differing[0]) if len(differing) else n
            if covered > best:
                best, best_key = covered, key
        if best_key is None:
            return 0, []
        self._entries.move_to_end(best_key)
        return best, self._entries[best_key][1]

    def clear(self) -> None:
        """Drop all sequences."""
        self._entries.clear()


def _size(key_values: KeyValues) -> int:
    return sum(keys.nbytes + values.nbytes for keys, values in key_values)
