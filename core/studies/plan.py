"""The plan of a study, checked before any work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from core.errors import ProblemError
from core.models.spec import ModelSpec
from core.reasonmaxxer.plan import check_weighting, plan_training
from core.reasonmaxxer.results import HELD_OUT
from core.records import Problem
from core.runs.config import RunPlan
from core.runs.settings import checked_settings
from core.studies.recipe import StudyRecipe


def plan_study(
    spec: ModelSpec,
    problems: Sequence[Problem],
    evaluation: Sequence[Problem],
    recipe: StudyRecipe,
    *,
    rollouts: str | Path | None = None,
) -> RunPlan:
    """A run that fine-tunes over a grid of settings, on one set of rollouts.

    Args:
        spec: the base.
        problems: training problems; held-out ones are drawn from them and set aside.
        evaluation: the test problems, disjoint from the training problems.
        recipe: everything else.
        rollouts: folder of a run of rollouts, of a fine-tune or of a study, to train on its
            rollouts.

    Raises:
        RunError: a cell can't be made; `rollouts` has no rollouts, or they are not finished.
        ModelError: the base has an adapter already, or is missing.
        ProblemError: too few problems, some in both sets, or none to choose the settings on.
    """
    for cell in recipe.cells():
        check_weighting(cell.recipe, teacher=None)
    plan = plan_training(spec, problems, evaluation, recipe.fine_tune, rollouts=rollouts)
    if not plan.more_problems[HELD_OUT]:
        raise ProblemError(
            "No problem is left to choose the settings on.",
            "Learn from more problems: a quarter of them at most is held out.",
        )
    grid = {"vary": recipe.vary, "training_seeds": recipe.training_seeds}
    whole = checked_settings(StudyRecipe, {**plan.settings, **grid})
    return replace(plan, settings=whole.model_dump(mode="json"))
