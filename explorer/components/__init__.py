"""The two components drawn in the browser: the token heatmap and the branch tree."""

from explorer.components.branch_tree import TreeNode, branch_tree, read_branch_tree
from explorer.components.token_heatmap import (
    Force,
    HeatmapEvent,
    HeatmapView,
    Selection,
    read_heatmap,
    token_heatmap,
)

__all__ = [
    "Force",
    "HeatmapEvent",
    "HeatmapView",
    "Selection",
    "TreeNode",
    "branch_tree",
    "read_branch_tree",
    "read_heatmap",
    "token_heatmap",
]
