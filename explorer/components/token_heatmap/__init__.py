"""A chain as running text: tokens coloured by entropy, forks underlined."""

from explorer.components.token_heatmap.component import read_heatmap, reopen, token_heatmap
from explorer.components.token_heatmap.event import Force, HeatmapEvent, Selection
from explorer.components.token_heatmap.view import HeatmapView, OtherModel

__all__ = [
    "Force",
    "HeatmapEvent",
    "HeatmapView",
    "OtherModel",
    "Selection",
    "read_heatmap",
    "reopen",
    "token_heatmap",
]
