"""Opens a chain of an intervention run in Explore, as a branch of the base's."""

from __future__ import annotations

from core.interventions.records import ProblemRecord
from core.judging import judge
from core.language_model import ModelSpec
from core.records import Chain, Problem, Sampler
from core.scoring import scored_chain
from core.tree import Branch, first_difference
from explorer.open_session import OpenSession
from explorer.tasks import Task


def start_opening(
    opened: OpenSession,
    spec: ModelSpec,
    problem: Problem,
    record: ProblemRecord,
    arm: str,
    sampler: Sampler,
    style: str | None,
) -> None:
    """Show an arm's chain at the token where it leaves the base's.

    Args:
        sampler: the run's.
        style: the run's prompt style; the model's own when None.
    """
    tree = opened.open_problem(problem)

    def work(task: Task) -> None:
        lm = opened.load(spec)
        opened.spec = spec  # only now that it is there: the session goes on with this model
        task.label = "Reading the chains"
        base, other = (
            scored_chain(
                lm,
                problem,
                record.prompt_ids,
                chain.token_ids,
                forced={each.position for each in chain.touched},
                sampler=sampler,
                stop_reason=chain.stop_reason,
                prompt_style=style or lm.prompt_style,
            )
            for chain in (record.chain("base"), record.chain(arm))
        )
        outcomes = judge(lm, [base, other])

        def show() -> None:
            root = known_branch(tree.branches, base) or tree.add_root(base, outcomes[0])
            position = first_difference(base, other)
            if position is None or position >= min(len(base), len(other)):
                tree.select(root.id)
                return
            branch = known_branch(tree.children(root.id), other)
            if branch is None:
                (branch,) = tree.add_branches(root.id, position, [(other, outcomes[1])])
            tree.select(branch.id, position)

        opened.keep(show)

    opened.start("Loading the model", work, None)


def known_branch(branches: tuple[Branch, ...], chain: Chain) -> Branch | None:
    """The branch that has this chain already."""
    ids = (chain.prompt_ids, chain.token_ids)
    return next((b for b in branches if (b.chain.prompt_ids, b.chain.token_ids) == ids), None)
