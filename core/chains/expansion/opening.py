"""Make an ending of a grown tree, and those on its way, branches that can be read and forked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.chains.branch import Branch
from core.chains.expansion.growing_tree import continued_by, seed_of, with_statistics
from core.chains.expansion.records import Expansion
from core.chains.generation import check_maker
from core.chains.judging import judge
from core.chains.tree import ForkTree
from core.errors import PositionError

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel


def way_to(tree: Expansion, number: int) -> list[int]:
    """The numbers of the endings on the way to one, itself the last.

    Raises:
        PositionError: no such ending, or one that wasn't kept.
    """
    if not 0 <= number < len(tree.endings):
        raise PositionError(
            f"This tree has no ending {number}.",
            f"Choose one from 0 to {len(tree.endings) - 1}."
            if tree.endings
            else "Grow the tree first.",
        )
    way = [number]
    while (parent := tree.endings[way[0]].parent) is not None:
        way.insert(0, parent)
    return way


def opened_as(fork_tree: ForkTree, branch: Branch, tree: Expansion, number: int) -> Branch | None:
    """The branch that an ending was opened as; None where it wasn't."""
    for each in way_to(tree, number):
        found = fork_tree.child_with(branch.id, tree.endings[each].after(branch.chain))
        if found is None:
            return None
        branch = found
    return branch


def open_ending(
    lm: LanguageModel, fork_tree: ForkTree, branch: Branch, tree: Expansion, number: int
) -> Branch:
    """Add an ending to a tree of branches, with the endings on its way that aren't there, and
    select it.

    Args:
        branch: from whose chain the tree grew.
        number: of the ending.

    Raises:
        PositionError: no such ending, or one that wasn't kept.
        ModelError: the chain was made by another model, or the logits are not finite.
        PromptError: as `scored_chain`.
    """
    root = branch.chain
    sampler = continued_by(root, tree.settings.temperature)
    check_maker(lm, root, sampler)
    paths = tree.paths
    for each in way_to(tree, number):
        ending = tree.endings[each]
        found = fork_tree.child_with(branch.id, ending.after(branch.chain))
        if found is None:
            seed = seed_of(root, paths[each])
            chain = with_statistics(lm, branch.chain, ending, sampler, seed)
            (outcome,) = judge(lm, [chain])
            (found,) = fork_tree.add_branches(branch.id, ending.position, [(chain, outcome)])
        branch = found
    fork_tree.select(branch.id, branch.position)
    return branch
