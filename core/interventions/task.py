"""The intervention study as a kind of run: its plan and its `Kind`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core.errors import RunError
from core.interventions.curves import curve_arms, point_arms
from core.interventions.estimate import estimate_interventions
from core.interventions.headline import intervention_headline
from core.interventions.records import ProblemRecord
from core.interventions.results import InterventionResults
from core.interventions.settings import InterventionSettings
from core.interventions.study import check_interventions, intervene
from core.interventions.summary import summarise
from core.models.spec import ModelSpec, absolute_name, check_spec, teacher_spec
from core.problems.problem_sets import chosen_problems
from core.records import Problem
from core.runs.config import RunPlan
from core.runs.kind import Kind
from core.runs.models import base_and_teachers, model_fields
from core.runs.run import Run
from core.runs.settings import checked_settings


def plan_interventions(
    spec: ModelSpec,
    problems: Sequence[Problem],
    settings: Mapping[str, Any],
    *,
    teacher: str | None = None,
    sample: int | None = None,
) -> RunPlan:
    """The plan of a run, checked before any work.

    Args:
        spec: the base.
        problems: the problem set, of which the run keeps a copy.
        settings: fields of `InterventionSettings`.
        teacher: an adapter folder for the base's model, or another model.
        sample: number of problems to draw by the seed; None takes all.

    Raises:
        RunError: settings out of range.
        ModelError: an arm or a curve without the teacher it needs, or a missing model.
        ProblemError: no problems, or more asked for than there are.
    """
    checked = checked_settings(InterventionSettings, settings)
    problems = chosen_problems(problems, sample, checked.seed)
    if teacher is None:
        checked.arms_with(teacher=False)  # refuses arms and curves that need one
    model = model_fields(spec)
    if teacher is not None:
        check_spec(teacher_spec(spec, teacher))
    return RunPlan(
        settings=checked.model_dump(mode="json"),
        model=model,
        teachers=() if teacher is None else (absolute_name(teacher),),
        seed=checked.seed,
        problems=problems,
    )


def run_models(run: Run) -> tuple[ModelSpec, str | None]:
    """The base of a run and its teacher, or None.

    Raises:
        RunError: they can't be read, or there are several teachers.
    """
    base, teachers = base_and_teachers(run)
    if len(teachers) > 1:
        raise RunError("This run has more than one teacher.", "Prepare a new run.")
    return base, next(iter(teachers), None)


def _has_its_arms(run: Run) -> Callable[[ProblemRecord], bool]:
    _, teacher = run_models(run)
    arms = INTERVENTIONS.settings_of(run).arms_with(teacher is not None)
    keys = [arm.key for arm in arms]
    points = [arm.key for arm in curve_arms(INTERVENTIONS.settings_of(run))]
    return lambda record: (
        [chain.arm for chain in record.chains] == keys
        and [chain.arm for chain in record.points] == points
    )


def _summary(run: Run, records: Sequence[ProblemRecord], finished: bool) -> InterventionResults:
    settings = INTERVENTIONS.settings_of(run)
    return summarise(records, run.config.seed, point_arms(settings))


_DOING = "decoding all arms"

INTERVENTIONS = Kind(
    name="interventions",
    settings=InterventionSettings,
    record=ProblemRecord,
    results=InterventionResults,
    doing=_DOING,
    belonging="problems and arms",
    check=lambda models, problems, settings: check_interventions(
        models.base, models.teacher, problems, settings
    ),
    solve=lambda models, unit, settings, cancel, on_progress: intervene(
        models.base, models.teacher, unit, settings, cancel=cancel, on_progress=on_progress
    ),
    complete=_has_its_arms,
    summarise=_summary,
    estimate=lambda meter, plan, settings: estimate_interventions(meter, plan, settings, _DOING),
    headline=intervention_headline,
)
"""Greedy chains with tokens put in by every arm, judged."""
