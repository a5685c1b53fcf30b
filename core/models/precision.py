"""The precision that `auto` takes: on a processor bfloat16 only where it is measured to be faster.

Only weights and activations have it; statistics are float32 whatever the model's precision is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

NARROW = 512
"""Hidden size below which products are too small to gain from bfloat16."""

CLEARLY = 1.3
"""How many times as fast products in bfloat16 must be to be taken."""

_ROWS, _WIDEST, _LONGEST = 32, 1024, 2048  # of the products measured: some tens of milliseconds
_ROUNDS = 5


@dataclass(frozen=True)
class ProductTimes:
    """Seconds of the same matrix product in both precisions."""

    float32: float
    bfloat16: float

    @property
    def gain(self) -> float:
        """How many times as fast bfloat16 is."""
        return self.float32 / self.bfloat16


@dataclass(frozen=True)
class Precision:
    """A dtype, and why it was taken, in words."""

    dtype: torch.dtype
    reason: str


@cache
def product_times(width: int, inner: int) -> ProductTimes:
    """Measure the product of a layer with some rows on this processor, once a process.

    Args:
        width: hidden size of the model.
        inner: width inside its feed-forward layers.
    """
    width, inner = min(width, _WIDEST), min(inner, _LONGEST)
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(_ROWS, width, generator=generator)
    weights = torch.randn(inner, width, generator=generator)
    single = _quickest(rows, weights, _ROUNDS)
    half = rows.bfloat16(), weights.bfloat16()
    first = _quickest(*half, 1)
    # Where bfloat16 is emulated, a product takes 20 times as long, and one says enough.
    return ProductTimes(single, first if first > 2 * single else _quickest(*half, _ROUNDS))


def _quickest(rows: torch.Tensor, weights: torch.Tensor, rounds: int) -> float:
    """Seconds of the quickest round, after one that prepares the kernel."""
    seconds = []
    with torch.inference_mode():
        for _ in range(rounds + 1):
            start = time.perf_counter()
            torch.nn.functional.linear(rows, weights)
            seconds.append(time.perf_counter() - start)
    return min(seconds[1:])


def auto_on_processor(
    config: Any, measure: Callable[[int, int], ProductTimes] = product_times
) -> Precision:
    """The precision of `auto` on a processor.

    Args:
        config: the model's.
        measure: products of this width and inner width.
    """
    text = config.get_text_config(decoder=True)
    width = int(getattr(text, "hidden_size", None) or 0)
    if width < NARROW:
        return Precision(torch.float32, "this model is too narrow to gain from bfloat16")
    inner = getattr(text, "intermediate_size", None)
    # Some families have a width for each layer.
    times = measure(width, inner if isinstance(inner, int) and inner > 0 else 4 * width)
    if times.gain >= CLEARLY:
        reason = f"on this processor its products are {times.gain:.1f} times as fast"
        return Precision(torch.bfloat16, reason)
    if times.gain > 1:
        return Precision(
            torch.float32,
            f"on this processor bfloat16 products are only {times.gain:.1f} times as fast",
        )
    longer = 1 / times.gain
    said = f"{longer:.0f}" if longer >= 10 else f"{longer:.1f}"
    return Precision(
        torch.float32, f"on this processor bfloat16 products take {said} times as long"
    )
