"""The plans of studies, checked before any work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from core.distillation.plan import plan_distillation
from core.distillation.recipe import DistillationRecipe
from core.engines.served import ServedEngine
from core.errors import ProblemError, RunError
from core.lora.plan import check_disjoint
from core.models.spec import ModelSpec
from core.reasonmaxxer.plan import check_weighting, plan_training, set_aside
from core.reasonmaxxer.recipe import Recipe
from core.reasonmaxxer.results import HELD_OUT
from core.records import Problem
from core.runs.config import RunPlan
from core.runs.settings import checked_settings
from core.studies.recipe import DistillationStudyRecipe, StudyRecipe


def plan_study(
    spec: ModelSpec,
    problems: Sequence[Problem],
    evaluation: Sequence[Problem],
    recipe: StudyRecipe,
    *,
    rollouts: str | Path | None = None,
    engine: ServedEngine | None = None,
) -> RunPlan:
    """A run that fine-tunes over a grid of settings, on one set of rollouts.

    Args:
        spec: the base.
        problems: training problems; held-out ones are drawn from them and set aside.
        evaluation: the test problems, disjoint from the training problems.
        recipe: everything else.
        rollouts: folder of a run of rollouts, of a fine-tune or of a study, to train on its
            rollouts.
        engine: a server of the base that samples the rollouts.

    Raises:
        SamplerError: a sampler that the engine doesn't have.
        RunError: a cell can't be made, or is to be logged elsewhere; `rollouts` has no rollouts,
            or they are not finished.
        ModelError: the base has an adapter already, or is missing.
        ProblemError: too few problems, some in both sets, or none to choose the settings on.
    """
    for cell in recipe.cells():
        check_weighting(cell.recipe, teacher=None)
        _check_reporting(cell.recipe)
    plan = plan_training(
        spec, problems, evaluation, recipe.fine_tune, rollouts=rollouts, engine=engine
    )
    if not plan.more_problems[HELD_OUT]:
        raise _nothing_to_choose_on()
    grid = {"vary": recipe.vary, "training_seeds": recipe.training_seeds}
    whole = checked_settings(StudyRecipe, {**plan.settings, **grid})
    return replace(plan, settings=whole.model_dump(mode="json"))


def plan_distillation_study(
    spec: ModelSpec,
    teacher: str,
    problems: Sequence[Problem],
    evaluation: Sequence[Problem],
    recipe: DistillationStudyRecipe,
) -> RunPlan:
    """A run that distils a teacher over a grid of settings, from one set of its rollouts.

    Args:
        spec: the base.
        teacher: an adapter folder for the base's model, or another model of its vocabulary.
        problems: for the teacher to solve; held-out ones are drawn from them and set aside.
        evaluation: the test problems, disjoint from the others.
        recipe: everything else.

    Raises:
        RunError: a cell can't be made, or is to be logged elsewhere.
        ModelError: the base has an adapter already, or a model is missing.
        ProblemError: too few problems, or some in both sets.
    """
    for cell in recipe.cells():
        _check_reporting(cell.recipe)
    learned, held_out = set_aside(problems, recipe.held_out.problems, recipe.problems, recipe.seed)
    if not held_out:
        raise _nothing_to_choose_on()
    check_disjoint(held_out, evaluation)
    one = recipe.distillation.model_copy(update={"problems": None})
    plan = plan_distillation(spec, teacher, learned, evaluation, one)
    return replace(
        plan,
        settings=recipe.model_dump(mode="json"),
        more_problems={**plan.more_problems, HELD_OUT: held_out},
    )


def _check_reporting(recipe: Recipe | DistillationRecipe) -> None:
    if recipe.training.report_to != "none":
        raise RunError(
            "A study trains many adapters, and what it logs would be that of one.",
            "Set training.report_to to none; every cell keeps its own history.",
        )


def _nothing_to_choose_on() -> ProblemError:
    return ProblemError(
        "No problem is left to choose the settings on.",
        "Learn from more problems: a quarter of them at most is held out.",
    )
