"""The branches of a chain as a small tree: click one to select it."""

from core.components.tree_nodes import TreeNode
from explorer.components.branch_tree.component import branch_tree, read_branch_tree

__all__ = ["TreeNode", "branch_tree", "read_branch_tree"]
