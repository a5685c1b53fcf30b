"""Which entropies the colours of a chain stand for: a fixed scale for the demo, whose entropies it
was made for, and for any other model one that is taken from its own entropies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.models.spec import DEMO
from core.records import Chain
from explorer.components.token_heatmap import FIXED_SCALE, ColourScale

if TYPE_CHECKING:  # it imports torch
    from core.thresholds.measurement import EntropyMeasurement

_LOW, _HIGH = 50, 95  # percentiles
_FEWEST = 20  # tokens; fewer have no percentiles worth the name
_NARROWEST = 0.1  # nats, of a chain whose entropies are all alike


def colour_scale(chain: Chain, measured: EntropyMeasurement | None = None) -> ColourScale:
    """The scale of a chain's colours: none up to the median, the strongest from the 95th
    percentile on.

    Args:
        measured: of the chain's model, if it is known; otherwise the percentiles are the chain's.
    """
    if chain.model == DEMO and chain.adapter is None:
        return FIXED_SCALE
    if measured is not None:
        return _scale(*_percentiles(measured.on.key, measured), "this model's tokens")
    entropy: NDArray[np.float32] = chain.entropy[: chain.answer_length]
    if len(entropy) < _FEWEST:
        return FIXED_SCALE
    low, high = np.percentile(entropy, [_LOW, _HIGH])
    return _scale(float(low), float(high), "this chain")


@st.cache_data(show_spinner=False, max_entries=50)
def _percentiles(key: str, _measured: EntropyMeasurement) -> tuple[float, float]:
    return _measured.percentile(_LOW), _measured.percentile(_HIGH)


def _scale(low: float, high: float, whose: str) -> ColourScale:
    high = max(high, low + _NARROWEST)
    return ColourScale(low, high, f"median to top {100 - _HIGH} % of {whose}")
