"""Which entropies the colours of a chain on a page stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from core.components.colour_scale import HIGH, LOW, chain_scale, has_fixed_scale, scale_between
from core.components.heatmap_view import ColourScale
from core.records import Chain

if TYPE_CHECKING:  # it imports torch
    from core.thresholds.measurement import EntropyMeasurement


def colour_scale(chain: Chain, measured: EntropyMeasurement | None = None) -> ColourScale:
    """The scale of a chain's colours: none up to the median, the strongest from the 95th
    percentile on.

    Args:
        measured: of the chain's model, if it is known; otherwise the percentiles are the chain's.
    """
    if measured is None or has_fixed_scale(chain):
        return chain_scale(chain)
    return scale_between(*_percentiles(measured.on.key, measured), "this model's tokens")


@st.cache_data(show_spinner=False, max_entries=50)
def _percentiles(key: str, _measured: EntropyMeasurement) -> tuple[float, float]:
    return _measured.percentile(LOW), _measured.percentile(HIGH)
