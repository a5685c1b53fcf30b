"""A key/value cache whose rows have individual lengths.

transformers' caches grow by concatenation and keep all rows at one length. Forks of one chain
start at different positions, end at different times, and new rows take the slots of finished
ones; so these buffers are allocated once, each row is written at its own length, and positions
beyond a row's length are masked. A step may take the first rows only; the others wait in their
slots. Where all rows begin alike, the beginning is kept once (core/decoding/beginning.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

from core.decoding.beginning import announce
from core.models.prefix_store import KeyValues

_GROWTH = 128  # minimum number of positions added when a buffer is full


class _RowLayer(CacheLayerMixin):
    """One layer's buffers, (slots, heads, capacity, head_dim)."""

    is_sliding = False

    def __init__(self, cache: RowCache) -> None:
        super().__init__()
        self._cache = cache
        self.beginning: tuple[torch.Tensor, torch.Tensor] | None = None

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        cache = self._cache
        shape = (cache.slots, key_states.shape[1], cache.capacity)
        self.keys = key_states.new_zeros((*shape, key_states.shape[-1]))
        self.values = value_states.new_zeros((*shape, value_states.shape[-1]))
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write one position per row, (n, heads, 1, head_dim); return the keys and values so far,
        (n, heads, span, head_dim), without those of the beginning that rows share."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        cache, keys, values = self._cache, self.keys, self.values
        assert keys is not None
        assert values is not None
        n, span = cache.stepping, cache.span
        if cache.aligned:
            keys[:n, :, span - 1] = key_states[:, :, 0]
            values[:n, :, span - 1] = value_states[:, :, 0]
        else:
            device = keys.device  # of this layer; layers may be on different devices
            rows, ends = cache.row_index[:n].to(device), cache.lengths[:n].to(device)
            keys[rows, :, ends] = key_states[:, :, 0]
            values[rows, :, ends] = value_states[:, :, 0]
        if self.beginning is not None:
            announce(*self.beginning)
        return keys[:n, :, :span], values[:n, :, :span]

    def write(self, slot: int, keys: torch.Tensor, values: torch.Tensor) -> None:
        """Write a prefix, (heads, length, head_dim), to the start of a slot."""
        if not self.is_initialized:
            self.lazy_initialization(keys.unsqueeze(0), values.unsqueeze(0))
        assert self.keys is not None
        assert self.values is not None
        self.keys[slot, :, : keys.shape[1]] = keys
        self.values[slot, :, : values.shape[1]] = values

    def row(self, slot: int, length: int) -> tuple[torch.Tensor, torch.Tensor]:
        """A copy of the beginning and the first `length` positions of a slot, two of (heads, shared
        + length, head_dim)."""
        assert self.keys is not None
        assert self.values is not None
        keys, values = self.keys[slot, :, :length], self.values[slot, :, :length]
        if self.beginning is None:
            return keys.clone(), values.clone()
        return (
            torch.cat([self.beginning[0], keys], dim=1),
            torch.cat([self.beginning[1], values], dim=1),
        )

    def expand_beginning(self, rows: int) -> None:
        """Give each of the first rows a copy of the beginning, before its own positions."""
        assert self.beginning is not None
        for name, shared in zip(("keys", "values"), self.beginning, strict=True):
            own, length = getattr(self, name), shared.shape[1]
            new = own.new_zeros((own.shape[0], own.shape[1], own.shape[2] + length, own.shape[3]))
            new[:rows, :, :length] = shared
            new[:rows, :, length:] = own[:rows]
            setattr(self, name, new)
        self.beginning = None

    def grow(self, slots: int, capacity: int) -> None:
        if not self.is_initialized:
            return
        for name in ("keys", "values"):
            old = getattr(self, name)
            new = old.new_zeros((slots, old.shape[1], capacity, old.shape[3]))
            new[: old.shape[0], :, : old.shape[2]] = old
            setattr(self, name, new)

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self._cache.span, 0

    def get_seq_length(self) -> int:
        return self._cache.span - 1

    def get_max_length(self) -> int:
        return -1


class RowCache(Cache):
    """Keys and values of a batch being decoded; slots 0 .. active-1 are in use.

    All rows may begin with the same `shared` positions, which are kept once. Lengths, capacity and
    span count those after them.

    Args:
        layers: number of attention layers.
        slots: rows allocated initially, and `capacity`, positions of each; the buffers grow when
            needed.
        device: where the model runs.
    """

    def __init__(self, layers: int, slots: int, capacity: int, device: torch.device) -> None:
        self.slots = slots
        self.capacity = capacity
        self.active = 0
        self.shared = 0  # positions of the beginning that all rows share
        self.stepping = 0  # rows in this step, the first ones
        self.span = 0  # positions attended to in a step: the longest row and its new token
        self.aligned = True  # all stepping rows have equal lengths, so no mask is needed
        self.row_index = torch.arange(slots, device=device)
        self.lengths = torch.zeros(slots, dtype=torch.long, device=device)  # of stepping rows
        self._lengths = [0] * slots  # of all rows, on the host
        super().__init__(layers=[_RowLayer(self) for _ in range(layers)])

    def begin(self, length: int) -> None:
        """Let rows that are admitted from now on share their first `length` positions, to be
        written; 0: none. There is no row yet."""
        assert self.active == 0
        if not self._written():
            self.capacity = max(self.capacity - length, 1)
        self.shared = length
        for layer in self.layers:
            layer.beginning = None

    def write_beginning(self, key_values: KeyValues) -> None:
        """Copy the shared positions from the start of a sequence."""
        for layer, each in zip(self.layers, key_values, strict=False):
            keys, values = (every[:, : self.shared].clone() for every in each)
            layer.beginning = keys, values

    def end_sharing(self) -> None:
        """Give every row its own copy of what all have shared."""
        for layer in self.layers:
            layer.expand_beginning(self.active)
        self._lengths = [each + self.shared for each in self._lengths]
        self.capacity += self.shared
        self.shared = 0

    def admit(self, length: int) -> int:
        """Add a row of `length` positions, shared ones included, to be written; returns its
        slot."""
        slot, length = self.active, length - self.shared
        self._reserve(slot + 1, length + 1)
        self._lengths[slot] = length
        self.active += 1
        return slot

    def write(self, slot: int, key_values: KeyValues) -> None:
        """Copy a row's positions from the start of a sequence that may be longer."""
        own = slice(self.shared, self.shared + self._lengths[slot])
        for layer, (keys, values) in zip(self.layers, key_values, strict=False):
            layer.write(slot, keys[:, own], values[:, own])

    def retire(self, slot: int) -> int:
        """Free a slot by moving the last active row into it. Returns that row's old slot."""
        last = self.active - 1
        if slot != last:
            length = self._lengths[last]
            for layer in self._written():
                layer.keys[slot, :, :length] = layer.keys[last, :, :length]
                layer.values[slot, :, :length] = layer.values[last, :, :length]
            self._lengths[slot] = length
        self.active = last
        return last

    def swap(self, a: int, b: int) -> None:
        """Exchange two rows."""
        length = max(self._lengths[a], self._lengths[b])
        for layer in self._written():
            for buffer in (layer.keys, layer.values):
                kept = buffer[a, :, :length].clone()
                buffer[a, :, :length] = buffer[b, :, :length]
                buffer[b, :, :length] = kept
        self._lengths[a], self._lengths[b] = self._lengths[b], self._lengths[a]

    def row(self, slot: int) -> KeyValues:
        """A copy of one row's keys and values, shared ones included."""
        return [layer.row(slot, self._lengths[slot]) for layer in self._written()]

    def begin_step(self, rows: int) -> None:
        """Set lengths and span for the next step, of the first `rows` rows."""
        lengths = self._lengths[:rows]
        self.stepping = rows
        self.span = max(lengths) + 1
        self.aligned = min(lengths) == self.span - 1
        self._reserve(self.slots, self.span)
        self.lengths[:rows] = torch.tensor(lengths, device=self.lengths.device)

    def end_step(self) -> None:
        """Advance the length of every row of the step by one."""
        for slot in range(self.stepping):
            self._lengths[slot] += 1

    def position_ids(self) -> torch.Tensor:
        """(stepping, 1): the position of each row's new token."""
        return self._ends() + self.shared

    def attention_mask(self, windows: Mapping[str, int | None], dtype: torch.dtype) -> Any:
        """The attention mask of this step, in the form that transformers models take.

        None when all rows have equal lengths; otherwise (stepping, span) bool. With a sliding
        window shorter than the span, the window depends on each row's length, which needs a 4-D
        mask per layer type. Such a mask is passed to attention unchanged, and eager attention adds
        it to the scores, so it holds 0 and the dtype's minimum instead of True and False. Attention
        to a beginning that rows share takes the same; all of them see the whole beginning.
        """
        cut = any(window and window < self.span for window in windows.values())
        if self.aligned and not cut:
            return None
        columns = torch.arange(self.span, device=self.lengths.device)
        ends = self._ends()
        visible = columns <= ends
        if not cut and not self.shared:
            return visible
        masks = {}
        for kind, window in windows.items():
            seen = visible & (columns > ends - window) if window else visible
            added = torch.zeros(seen.shape, dtype=dtype, device=seen.device)
            masks[kind] = added.masked_fill(~seen, torch.finfo(dtype).min)[:, None, None, :]
        return masks if len(masks) > 1 else next(iter(masks.values()))

    def _ends(self) -> torch.Tensor:
        """(stepping, 1): where the new token of each row goes in the buffers."""
        return self.lengths[: self.stepping].unsqueeze(-1)

    def _written(self) -> list[Any]:
        """Layers that have buffers: none before the first prefix or step."""
        return [layer for layer in self.layers if layer.is_initialized]

    def _reserve(self, slots: int, length: int) -> None:
        if slots <= self.slots and length <= self.capacity:
            return
        if length > self.capacity:
            self.capacity = max(length, self.capacity + _GROWTH, self.capacity * 3 // 2)
        if slots > self.slots:
            more = max(slots, self.slots * 3 // 2) - self.slots
            self.slots += more
            self.row_index = torch.arange(self.slots, device=self.row_index.device)
            self.lengths = torch.cat([self.lengths, self.lengths.new_zeros(more)])
            self._lengths += [0] * more
        for layer in self.layers:
            layer.grow(self.slots, self.capacity)
