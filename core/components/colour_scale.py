"""Which entropies the colours of a chain stand for: a fixed scale for the demo, whose entropies it
was made for, and for any other model one that is taken from entropies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.components.heatmap_view import FIXED_SCALE, ColourScale
from core.models.spec import DEMO
from core.records import Chain

LOW, HIGH = 50, 95
"""Percentiles of the entropies between which colours grow."""

_FEWEST = 20  # tokens; fewer have no percentiles worth the name
_NARROWEST = 0.1  # nats, of a chain whose entropies are all alike


def has_fixed_scale(chain: Chain) -> bool:
    """Whether the chain is the demo's own."""
    return chain.model == DEMO and chain.adapter is None


def chain_scale(chain: Chain) -> ColourScale:
    """The scale from a chain alone: none up to its median, the strongest from its 95th percentile
    on."""
    entropy: NDArray[np.float32] = chain.entropy[: chain.answer_length]  # nats
    if has_fixed_scale(chain) or len(entropy) < _FEWEST:
        return FIXED_SCALE
    low, high = np.percentile(entropy, [LOW, HIGH])
    return scale_between(float(low), float(high), "this chain")


def scale_between(low: float, high: float, whose: str) -> ColourScale:
    """A scale from two percentiles in nats, which are kept apart.

    Args:
        whose: the tokens they are of, in words.
    """
    high = max(high, low + _NARROWEST)
    return ColourScale(low, high, f"median to top {100 - HIGH} % of {whose}")
