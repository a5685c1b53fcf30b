"""A step: a run that answers claims, how it is found among the runs, and how it is planned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.claims.scope import Scope, are_among, problems_of
from core.errors import ExplorerError, ModelError
from core.runs.config import RunPlan
from core.runs.run import Run

if TYPE_CHECKING:
    from core.claims.claim import Runs

Fits = Callable[[Run], bool]


def _any_run(run: Run) -> bool:
    return True


def _any_company(run: Run, runs: Mapping[str, Run]) -> bool:
    return True


@dataclass(frozen=True)
class Step:
    """A run that answers claims.

    Attributes:
        name: equal for steps that the same new run serves.
        title: what the run is, in a few words.
        task: its kind.
        plan: a new run, with the runs of the steps in `after`.
        fits: whether the settings of a run answer the claim.
        goes_with: whether a run belongs to those that are found for the claim's earlier steps.
        after: steps that a new run builds on.
        needs_teacher: whether the run has the scope's teacher.
        purpose: which of the run's problem sets is measured.
        learned: whether its problems may be those to learn from, where there are any (True), or
            those to measure on (False).
        sketch: a plan that takes as long, where a step in `after` has no run yet; None: nothing is
            known of it.
    """

    name: str
    title: str
    task: str
    plan: Callable[[Scope, Runs], RunPlan]
    fits: Fits = _any_run
    goes_with: Callable[[Run, Runs], bool] = _any_company
    after: tuple[Step, ...] = ()
    needs_teacher: bool = False
    purpose: str = ""
    learned: tuple[bool, ...] = (False,)
    sketch: Callable[[Scope], RunPlan] | None = None

    def candidates(self, scope: Scope) -> list[Run]:
        """The finished runs that fit, the one with the most problems first, of equal ones the
        latest."""
        fitting = [
            run for run in scope.runs if run.id in scope.finished and self._belongs(run, scope)
        ]
        return sorted(fitting, key=lambda run: -len(problems_of(run, self.purpose)))

    def new_run(self, scope: Scope, runs: Runs) -> RunPlan:
        """The plan of a new run.

        Raises:
            ModelError: it needs a teacher, and there is none.
            ExplorerError: model, problems or settings that don't go together.
        """
        if self.needs_teacher:
            teacher_of(scope)
        return self.plan(scope, runs)

    def _belongs(self, run: Run, scope: Scope) -> bool:
        if run.config.task != self.task:
            return False
        if self.needs_teacher and scope.teacher not in run.config.teachers:
            return False
        measured = problems_of(run, self.purpose)
        sets = [
            scope.training if each and scope.training else scope.problems for each in self.learned
        ]
        if not any(are_among(measured, each) for each in sets):
            return False
        try:
            return self.fits(run)
        except (ExplorerError, LookupError, TypeError, AttributeError, ValueError):
            return False  # settings of a folder from elsewhere


def teacher_of(scope: Scope) -> str:
    """The teacher of a scope.

    Raises:
        ModelError: there is none.
    """
    if scope.teacher is None:
        raise ModelError(
            "This claim is about a base and a model that was trained from it.",
            "Name that model, or the folder of its adapter, as the teacher.",
        )
    return scope.teacher


def found_runs(steps: tuple[Step, ...], scope: Scope) -> tuple[dict[str, Run], bool]:
    """Runs for all steps of a claim that belong together, and whether these are all; else as many
    as the most preferred first run has."""
    best: dict[str, Run] = {}
    for found in _combinations(steps, scope, {}):
        if len(found) == len(steps):
            return found, True
        if len(found) > len(best):
            best = found
    return best, not steps


def _combinations(
    steps: tuple[Step, ...], scope: Scope, found: dict[str, Run]
) -> Iterator[dict[str, Run]]:
    if not steps:
        yield found
        return
    first, *others = steps
    fitting = [run for run in first.candidates(scope) if first.goes_with(run, found)]
    if not fitting:
        yield found
    for run in fitting:
        yield from _combinations(tuple(others), scope, {**found, first.name: run})
