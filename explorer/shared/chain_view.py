"""A chain as the heatmap shows it, before a page adds what it marks."""

from __future__ import annotations

import numpy as np

from core.records import Chain
from explorer.components.token_heatmap import HeatmapView
from explorer.state import Unit


def chain_view(chain: Chain, chain_id: str, tau: float, unit: Unit) -> HeatmapView:
    """The whole chain; `tau` is in nats, whatever the unit on screen."""
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
    )
