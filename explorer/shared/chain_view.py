"""The heatmap's view of a chain, to which pages add their marks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.records import Chain
from explorer.components.token_heatmap import HeatmapView, Part
from explorer.shared.colour_scale import colour_scale

if TYPE_CHECKING:  # they import torch
    from core.thresholds.measurement import EntropyMeasurement
    from explorer.state import Unit


def chain_view(
    chain: Chain,
    chain_id: str,
    tau: float,
    unit: Unit,
    measured: EntropyMeasurement | None = None,
) -> HeatmapView:
    """The view of a whole chain.

    Args:
        chain_id: identifies it on the page.
        tau: nats.
        unit: of the display.
        measured: the entropies of its model, for the colours.
    """
    return HeatmapView(
        chain_id=chain_id,
        tokens=chain.tokens,
        token_ids=np.array(chain.token_ids, np.int64),
        entropy=chain.entropy,
        logprob=chain.statistics.logprob,
        rank=chain.statistics.rank,
        top_ids=chain.statistics.top_ids,
        top_tokens=chain.top_tokens,
        top_logprobs=chain.statistics.top_logprobs,
        forced=chain.forced,
        run_on=chain.run_on,
        tau=tau,
        unit=unit,
        scale=colour_scale(chain, measured),
        parts=() if chain.thinking is None else (Part("thinking", 0, chain.thinking),),
    )
