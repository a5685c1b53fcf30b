"""A chain as running text: tokens coloured by entropy, forks underlined."""

from core.components.heatmap_view import (
    FIXED_SCALE,
    ColourScale,
    HeatmapView,
    OtherModel,
    Part,
)
from explorer.components.token_heatmap.component import read_heatmap, reopen, token_heatmap
from explorer.components.token_heatmap.event import Force, HeatmapEvent, NewThreshold, Selection

__all__ = [
    "FIXED_SCALE",
    "ColourScale",
    "Force",
    "HeatmapEvent",
    "HeatmapView",
    "NewThreshold",
    "OtherModel",
    "Part",
    "Selection",
    "read_heatmap",
    "reopen",
    "token_heatmap",
]
