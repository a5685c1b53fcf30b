"""What is still to be measured: the runs, in an order in which each finds those it builds on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core.claims.scope import Scope, problems_of
from core.claims.steps import Step
from core.claims.table import ClaimRow
from core.errors import ExplorerError
from core.runs.estimate import RunEstimate
from core.runs.run import Run
from core.runs.status import RunState

if TYPE_CHECKING:
    from core.runs.config import RunPlan

NAME = "Claims: "
"""Begins the name of a run that was made to measure claims."""


@dataclass(frozen=True)
class Missing:
    """A run that is still to be made.

    Attributes:
        step: what it is.
        claims: ids of the claims that it answers, alone or with others.
        plan: of the run; None while one that it builds on is missing, or where there is a problem.
        sketch: a plan that takes as long, in place of `plan`; None where nothing is known.
        run: one that was begun with this plan and isn't done.
        problem: why it can't be planned.
    """

    step: Step
    claims: tuple[str, ...]
    plan: RunPlan | None
    sketch: RunPlan | None
    run: Run | None
    problem: ExplorerError | None

    @property
    def name(self) -> str:
        """For a new run."""
        return f"{NAME}{self.step.title}"

    @property
    def is_live(self) -> bool:
        """Whether a process works on it now."""
        return self.run is not None and self.run.status().state.is_live


def missing_runs(scope: Scope, rows: Sequence[ClaimRow]) -> list[Missing]:
    """The runs that answer all claims of a table that aren't measured, each once."""
    wanted: dict[str, tuple[Step, ClaimRow, list[str]]] = {}
    for row in rows:
        if row.claim.needs_teacher and scope.teacher is None:
            continue
        for step in row.missing:
            for each in _with_earlier(step, row, scope):
                entry = wanted.setdefault(each.name, (each, row, []))
                entry[2].append(row.claim.id)
    return [
        _missing(step, row, tuple(dict.fromkeys(ids)), scope) for step, row, ids in wanted.values()
    ]


def estimate_of(
    missing: Missing, ask: Callable[[str, RunPlan], RunEstimate | None]
) -> RunEstimate | None:
    """What a missing run will take; None where that isn't known.

    Args:
        ask: for the estimate of a plan of a kind of run.

    Raises:
        ExplorerError: as `ask`.
    """
    if missing.plan is not None:
        return ask(missing.step.task, missing.plan)
    if missing.sketch is None:
        return None
    found = ask(missing.step.task, missing.sketch)
    if found is None:
        return None
    own = tuple(each for each in found.phases if each.name not in _OF_EARLIER)
    return replace(found, phases=own)


def together(estimates: Sequence[RunEstimate]) -> RunEstimate:
    """The estimate of several runs, one after the other."""
    return RunEstimate(tuple(phase for each in estimates for phase in each.phases))


_OF_EARLIER = ("rollouts",)
"""Phases of a sketch that the runs it builds on have done."""


def _with_earlier(step: Step, row: ClaimRow, scope: Scope) -> Iterator[Step]:
    """The steps that a step builds on and that have no run, then the step."""
    for each in step.after:
        if each.name not in row.runs and not each.candidates(scope):
            yield from _with_earlier(each, row, scope)
    yield step


def _missing(step: Step, row: ClaimRow, ids: tuple[str, ...], scope: Scope) -> Missing:
    runs, waits = dict(row.runs), False
    for each in step.after:
        if each.name not in runs:
            fitting = each.candidates(scope)
            if fitting:
                runs[each.name] = fitting[0]
            waits = waits or not fitting
    try:
        if waits:
            return Missing(step, ids, None, step.sketch and step.sketch(scope), None, None)
        plan = step.new_run(scope, runs)
    except ExplorerError as error:
        return Missing(step, ids, None, None, None, error)
    begun = (run for run in scope.runs if _is_begun(run, step, plan, scope))
    return Missing(step, ids, plan, None, next(begun, None), None)


def _is_begun(run: Run, step: Step, plan: RunPlan, scope: Scope) -> bool:
    """Whether an unfinished run has this very plan."""
    config = run.config
    if run.id in scope.finished or config.task != step.task:
        return False
    same = (config.settings, dict(config.model), config.seed, dict(config.inputs)) == (
        plan.settings,
        dict(plan.model),
        plan.seed,
        dict(plan.inputs),
    )
    return (
        same
        and tuple(config.teachers) == tuple(plan.teachers)
        and problems_of(run) == tuple(plan.problems)
        and all(problems_of(run, purpose) == tuple(p) for purpose, p in plan.more_problems.items())
        and run.status().state is not RunState.DONE
    )
