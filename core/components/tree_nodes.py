"""The branches of a tree as the component shows them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from core.components.words import token_label
from core.runs.model_names import model_words
from core.system.short_text import short

if TYPE_CHECKING:
    from core.chains.tree import Branch, ForkTree

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


def tree_nodes(tree: ForkTree) -> list[TreeNode]:
    """A node a branch, parents before their children; with the model's name where several models
    made them."""
    made_by = [model_words(each.chain.model, each.chain.adapter) for each in tree.branches]
    mixed = len(set(made_by)) > 1
    return [
        replace(_node(branch), model=model if mixed else "")
        for branch, model in zip(tree.branches, made_by, strict=True)
    ]


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
