"""Open chains of runs, and tuned models, in Explore."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from core.chains.branch import Branch, first_difference
from core.chains.forks import fork_positions
from core.chains.judging import judge
from core.evaluation.records import ProblemSamples
from core.evaluation.scoring import scored_sample
from core.evaluation.settings import EvaluationSettings
from core.imports.chains import branch_name
from core.imports.records import Rollout
from core.imports.scoring import score_one
from core.interventions.records import ProblemRecord
from core.interventions.scoring import scored_arm
from core.interventions.settings import InterventionSettings
from core.models.spec import ModelSpec
from core.reasonmaxxer.side_by_side import SideBySide
from core.records import Chain, Problem
from explorer.navigation import ask_for
from explorer.open_session import OpenSession
from explorer.shared.run_panel import with_consent
from explorer.state import BrowserState
from explorer.tasks import Task


def start_opening(
    opened: OpenSession,
    spec: ModelSpec,
    problem: Problem,
    record: ProblemRecord,
    arm: str,
    settings: InterventionSettings,
) -> None:
    """Open an arm's chain as a branch of the base's, at the token where it leaves it.

    Args:
        settings: the run's.
    """
    tree = opened.open_problem(problem)

    def work(task: Task) -> None:
        lm = opened.load(spec)
        opened.spec = spec  # set once loaded: the session continues with this model
        task.label = "Reading the chains"
        base, other = (scored_arm(lm, problem, record, each, settings) for each in ("base", arm))
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
    """The branch that already has this chain; None if there is none."""
    ids = (chain.prompt_ids, chain.token_ids)
    return next((b for b in branches if (b.chain.prompt_ids, b.chain.token_ids) == ids), None)


def start_opening_sample(
    opened: OpenSession,
    spec: ModelSpec,
    problem: Problem,
    record: ProblemSamples,
    number: int,
    settings: EvaluationSettings,
    *,
    first_fork_above: float,
) -> None:
    """Open one sample of a problem at its first fork; tokens forced in it continue with its own
    sampler and seed.

    Args:
        number: of the sample, from 0.
        settings: the run's.
        first_fork_above: nats; without a fork above it, no token is selected.
    """
    tree = opened.open_problem(problem)

    def work(task: Task) -> None:
        lm = opened.load(spec)
        opened.spec = spec  # set once loaded: the session continues with this model
        task.label = "Reading the chain"
        chain = scored_sample(lm, problem, record, number, settings)
        (outcome,) = judge(lm, [chain])

        def show() -> None:
            root = known_branch(tree.branches, chain) or tree.add_root(chain, outcome)
            forks = fork_positions(chain, first_fork_above)
            tree.select(root.id, int(forks[0]) if len(forks) else None)

        opened.keep(show)

    opened.start("Loading the model", work, None)


def start_opening_rollout(
    opened: OpenSession,
    spec: ModelSpec,
    rollout: Rollout,
    source: str,
    *,
    first_fork_above: float,
) -> None:
    """Open a rollout of another program, scored by a model, at its first fork.

    Args:
        source: name of its file.
        first_fork_above: as of `start_opening_sample`.
    """

    def work(task: Task) -> None:
        lm = opened.load(spec)
        opened.spec = spec  # set once loaded: the session continues with this model
        task.label = "Reading the rollout"
        scored = score_one(lm, rollout, source)
        chain = scored.chain

        def show() -> None:
            tree = opened.open_problem(chain.problem)
            root = known_branch(tree.branches, chain)
            if root is None:
                root = tree.add_root(chain, scored.outcome)
                tree.rename(root.id, branch_name(rollout))
            forks = fork_positions(chain, first_fork_above)
            tree.select(root.id, int(forks[0]) if len(forks) else None)

        opened.keep(show)

    opened.start("Loading the model", work, None)


def open_with_adapter(
    state: BrowserState, base: ModelSpec, folder: Path, shown: SideBySide | None = None
) -> None:
    """Open Explore with a tuned model.

    Args:
        base: the run's base model; device and dtype come from the sidebar, since this machine may
            differ from the run's.
        folder: of the adapter.
        shown: a problem whose chain to show.
    """
    here, base = state.opened.spec, with_consent(state, base)
    spec = replace(base, adapter=str(folder.resolve()), device=here.device, dtype=here.dtype)
    _start_with_adapter(state.opened, spec, shown)
    if state.opened.task is not None:
        state.opened.task.wait(2)
    ask_for("explore", session=state.opened.id)


def _start_with_adapter(opened: OpenSession, spec: ModelSpec, shown: SideBySide | None) -> None:
    """Make a tuned model the session's model, and show its chain of a problem if one is given."""
    tree = None if shown is None else opened.open_problem(shown.after.problem)

    def work(task: Task) -> None:
        opened.load(spec)
        opened.spec = spec  # set once loaded: the session continues with this model

        def show() -> None:
            assert tree is not None
            assert shown is not None
            chain = shown.after
            root = known_branch(tree.branches, chain) or tree.add_root(chain, shown.after_outcome)
            tree.select(root.id)

        if tree is not None:
            opened.keep(show)

    opened.start("Loading the model", work, None)
