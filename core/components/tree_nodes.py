"""The branches of a tree as the component shows them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from core.components.words import token_label, visible
from core.runs.model_names import model_words
from core.system.short_text import short

if TYPE_CHECKING:
    from core.chains.branch import Branch
    from core.chains.expansion.records import Expansion
    from core.chains.tree import ForkTree

TreeVerdict = Literal["correct", "wrong", "unparseable", "timed_out", "no_gold"]


@dataclass(frozen=True)
class TreeNode:
    """A branch.

    Args:
        parent_id: the branch it was forced from; None for a root
        position: where it leaves its parent, counted from 0
        forced_token: the token forced there, in the one notation for tokens
        label: shown instead of a missing answer
        name: given by the user, shown after the answer
        length: tokens of the whole chain
        model: which model made it, where a tree has branches of several
        grown: whether it is an ending of a grown tree that isn't a branch yet
    """

    id: str
    parent_id: str | None = None
    position: int | None = None
    forced_token: str = ""
    label: str = ""
    answer: str = ""
    verdict: TreeVerdict | None = None
    length: int = 0
    live: bool = False
    name: str = ""
    model: str = ""
    grown: bool = False


def tree_nodes(tree: ForkTree) -> list[TreeNode]:
    """A node a branch, parents before their children; with the model's name where several models
    made them."""
    made_by = [model_words(each.chain.model, each.chain.adapter) for each in tree.branches]
    mixed = len(set(made_by)) > 1
    return [
        replace(_node(branch), model=model if mixed else "")
        for branch, model in zip(tree.branches, made_by, strict=True)
    ]


def grown_nodes(
    tree: ForkTree, branch: Branch, expansion: Expansion, most: int = 40
) -> list[TreeNode]:
    """A node for each of the first endings of a tree that grew from a branch, parents before their
    children; those that are branches already have their nodes in `tree_nodes`.

    Args:
        most: nodes.
    """
    nodes: list[TreeNode] = []
    opened: dict[int | None, Branch] = {None: branch}
    shown: dict[int, str] = {}  # number of an ending -> id of its node
    for number, each in enumerate(expansion.endings):
        if len(nodes) == most:
            break
        parent = opened.get(each.parent)
        if parent is not None:
            found = tree.child_with(parent.id, each.after(parent.chain))
            if found is not None:
                opened[number] = found
                continue
        parent_id = parent.id if parent is not None else shown.get(each.parent or 0)
        if parent_id is None:
            continue
        shown[number] = grown_id(branch.id, number)
        nodes.append(
            TreeNode(
                id=shown[number],
                parent_id=parent_id,
                position=each.position,
                forced_token=visible(each.token),
                label="no answer",
                answer=short(each.outcome.answer or "", 24),
                verdict=each.outcome.verdict.value,
                length=each.position + len(each.token_ids),
                grown=True,
            )
        )
    return nodes


def grown_id(branch_id: str, number: int) -> str:
    """The id of the node of an ending that grew from a branch."""
    return f"{branch_id}~{number}"


def ending_of(node_id: str) -> tuple[str, int] | None:
    """The branch and the number that a node's id names; None for a branch's own node."""
    branch_id, sign, number = node_id.partition("~")
    return (branch_id, int(number)) if sign and number.isdecimal() else None


def _node(branch: Branch) -> TreeNode:
    position = branch.position
    return TreeNode(
        id=branch.id,
        parent_id=branch.parent,
        position=position,
        forced_token="" if position is None else token_label(branch.chain, position),
        label="cancelled" if branch.chain.stop_reason == "cancelled" else "no answer",
        answer=short(branch.outcome.answer or "", 24),
        verdict=(branch.outcome.overruled or branch.outcome.verdict).value,
        length=len(branch.chain),
        name=branch.name if branch.outcome.overruled is None else f"{branch.name} by you".strip(),
    )
