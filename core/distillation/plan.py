"""The plan of a distillation, checked before any work."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from core.distillation.earlier import checked_source, prompt_date_of
from core.distillation.recipe import DistillationRecipe
from core.distillation.results import TEACHER_FROM
from core.errors import RunError
from core.lora.plan import base_fields, check_disjoint, check_learned, check_measured, drawn
from core.lora.reporting import check_reporting
from core.lora.run_files import EVALUATION
from core.models.spec import ModelSpec, absolute_name, check_spec, teacher_spec
from core.records import Problem
from core.runs.config import RunPlan
from core.runs.run import Run
from core.system.person_path import person_path


def plan_distillation(
    spec: ModelSpec,
    teacher: str,
    problems: Sequence[Problem],
    evaluation: Sequence[Problem],
    recipe: DistillationRecipe,
    *,
    teacher_from: str | Path | None = None,
) -> RunPlan:
    """A run that distils a teacher into an adapter of the base.

    Args:
        spec: the base.
        teacher: an adapter folder for the base's model, or another model of its vocabulary.
        problems: for the teacher to solve; the recipe says how many are drawn by the seed.
        evaluation: problems to measure all three models on, disjoint from the others.
        recipe: everything else.
        teacher_from: folder of a finished distillation of the same models, problems and sampling,
            whose teacher's rollouts, distributions and accuracies are reused.

    Raises:
        ModelError: the base has an adapter already, or a model is missing.
        ProblemError: no problems, or some in both sets.
        RunError: `teacher_from` isn't such a run; the package to log with is missing.
    """
    model = base_fields(spec)
    check_spec(teacher_spec(spec, teacher))
    check_learned(problems)
    check_measured(evaluation)
    check_reporting(recipe.training.report_to)
    learned = drawn(problems, recipe.problems, recipe.seed)
    check_disjoint(learned, evaluation)
    source = None if teacher_from is None else person_path(teacher_from).resolve()
    if source is not None and recipe.prompt_date is None:
        recipe = recipe.model_copy(update={"prompt_date": prompt_date_of(source)})
    prepared = RunPlan(
        settings=recipe.model_dump(mode="json"),
        model=model,
        teachers=(absolute_name(teacher),),
        inputs={} if source is None else {TEACHER_FROM: str(source)},
        seed=recipe.seed,
        problems=learned,
        more_problems={EVALUATION: evaluation},
    )
    if source is not None:
        checked_source(source, prepared.model, prepared.teachers, recipe, learned, evaluation)
    return prepared


def plan_after_earlier(
    earlier: Sequence[Run],
    spec: ModelSpec,
    teacher: str,
    problems: Sequence[Problem],
    evaluation: Sequence[Problem],
    recipe: DistillationRecipe,
) -> RunPlan:
    """As `plan_distillation`, reusing the first earlier run whose teacher's work fits.

    Raises:
        ModelError, ProblemError: as `plan_distillation`.
    """
    for run in earlier:
        with contextlib.suppress(RunError):
            return plan_distillation(
                spec, teacher, problems, evaluation, recipe, teacher_from=run.folder
            )
    return plan_distillation(spec, teacher, problems, evaluation, recipe)
