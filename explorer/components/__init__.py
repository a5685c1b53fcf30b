"""The components drawn in the browser: token heatmap, branch tree and attempt grid."""

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
