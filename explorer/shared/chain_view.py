"""The heatmap's view of a chain, to which pages add their marks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.components import chain_view as drawn
from core.components.heatmap_view import HeatmapView
from core.records import Chain
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
    return drawn.chain_view(chain, chain_id, tau, unit, colour_scale(chain, measured))
