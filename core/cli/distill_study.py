"""`fork-explorer distill-study`: distillations over a grid, from one set of teacher rollouts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from core.cli.distillation import DistillationPreset, named_teacher
from core.cli.option_groups import GivenSettings, grouped
from core.cli.options import ModelOptions, OutputOptions, RunOptions
from core.cli.recipes import LearningProblems, recipe_options
from core.cli.run_command import kind_work, long_work
from core.cli.study import Grid, show_study
from core.runs.config import RunPlan
from core.studies.recipe import DistillationStudyRecipe


@dataclass(frozen=True)
class _OfTeacher(Grid):
    """What varies, of which teacher."""

    teacher: Annotated[
        str | None,
        typer.Option(help="Folder of an adapter for the model, or a model of the same vocabulary."),
    ] = None


@grouped
def distill_study(
    ctx: typer.Context,
    model: ModelOptions,
    problems: LearningProblems,
    grid: _OfTeacher,
    preset: DistillationPreset = None,
    *,
    settings: Annotated[
        GivenSettings, recipe_options(DistillationStudyRecipe, {"usd_per_hour": "usd_per_hour"})
    ],
    run: RunOptions,
    output: OutputOptions,
) -> None:
    """Distil a teacher over a grid of settings, from one set of its rollouts.

    Such as --vary training.lora_rank=1,8,32 --vary training.target_modules=o_proj,q_proj+o_proj.
    The teacher's rollouts and distributions are made once. The settings are chosen on held-out
    problems; only the chosen ones are quoted with their test accuracy.
    """
    from core.distillation.recipe import recipe_of
    from core.models.spec import DEMO
    from core.studies.plan import plan_distillation_study
    from core.studies.recipe import distillation_study_of

    def prepare() -> RunPlan:
        start = recipe_of(preset or ("demo" if model.model == DEMO else "paper"))
        study = distillation_study_of(start, grid.vary or (), grid.training_seeds)
        return plan_distillation_study(
            model.spec(),
            named_teacher(grid.teacher),
            problems.to_learn_from(),
            problems.to_measure_on(),
            settings.changed(study),
        )

    long_work(ctx, kind_work(model), prepare, run=run, output=output, show=show_study)
