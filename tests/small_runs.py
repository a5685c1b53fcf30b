"""Runs of the demo model that train, as small as they can be and still show everything: the
fixtures of conftest.py make each once a session."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from core.distillation.plan import plan_distillation
from core.distillation.recipe import DistillationRecipe
from core.distillation.recipe import recipe_of as distillation_recipe_of
from core.distillation.results import TASK as DISTILL_TASK
from core.distillation.task import DISTIL
from core.lora.adapter import attach_adapter
from core.models.language_model import load_language_model
from core.models.spec import ModelSpec
from core.problems.problem_sets import demo_problems, demo_training_problems
from core.reasonmaxxer.plan import plan_rollouts, plan_training
from core.reasonmaxxer.recipe import Recipe
from core.reasonmaxxer.recipe import recipe_of as fine_tune_recipe_of
from core.reasonmaxxer.results import ROLLOUTS_TASK, TRAIN_TASK
from core.reasonmaxxer.task import SAMPLE_ROLLOUTS, TRAIN
from core.records import Problem
from core.runs import problem_units
from core.runs.context import DONE, RunContext, carry_out
from core.runs.run import Run
from core.runs.settings import changed

UNIT = 4
"""Problems a unit, so that even a small run has several."""
FINE_TUNE = {
    "problems": 8,
    "max_new_tokens": 120,
    "rollouts.samples": 4,
    "held_out.problems": 2,
    "held_out.every": 4,
    "held_out.sampling.samples": 1,
    "training.batch_size": 4,
    "training.warmup_steps": 1,
    "evaluation.samples": 1,
}
DISTILLATION = {
    "training.epochs": 3,
    "problems": 6,
    "max_new_tokens": 80,
    "rollouts.samples": 2,
    "training.lora_rank": 4,
    "training.batch_size": 4,
    "training.accumulation": 1,
    "evaluation.samples": 1,
}
LESS = {"training.lora_rank": 1, "training.target_modules": "o_proj"}
"""What makes the smaller of the two distillations."""


def fine_tune_recipe(**changes: Any) -> Recipe:
    return changed(fine_tune_recipe_of("demo"), FINE_TUNE | changes)


def distillation_recipe(**changes: Any) -> DistillationRecipe:
    return changed(distillation_recipe_of("demo"), DISTILLATION | changes)


def training_problems() -> list[Problem]:
    """Ten, with markup in what a person wrote."""
    first, *others = demo_training_problems()[::17]
    return [replace(first, id="<i>*0*</i>"), *others]


def held_out_problems() -> list[Problem]:
    """Six, likewise."""
    return [replace(each, family="<b>f</b>") for each in demo_problems()[::60]]


def prepare_fine_tune(folder: Path, recipe: Recipe | None = None, **how: Any) -> Run:
    """A fine-tune in a new folder of `folder`, not started."""
    plan = plan_training(
        ModelSpec(), training_problems(), held_out_problems(), recipe or fine_tune_recipe(), **how
    )
    return Run.create(folder, TRAIN_TASK, plan, name="**mine**")


def prepare_rollouts(folder: Path) -> Run:
    """The first phase of that fine-tune alone, not started."""
    plan = plan_rollouts(ModelSpec(), training_problems(), fine_tune_recipe())
    return Run.create(folder, ROLLOUTS_TASK, plan)


def prepare_distillation(
    folder: Path,
    teacher: str,
    recipe: DistillationRecipe | None = None,
    measured_on: Sequence[Problem] | None = None,
    **how: Any,
) -> Run:
    """A distillation in a new folder of `folder`, not started."""
    measured_on = measured_on or demo_problems()[::70]
    recipe = recipe or distillation_recipe()
    name = f"**rank {recipe.training.lora_rank}**"
    plan = plan_distillation(
        ModelSpec(), teacher, demo_training_problems(), measured_on, recipe, **how
    )
    return Run.create(folder, DISTILL_TASK, plan, name=name)


def finish(run: Run, task: Callable[[RunContext], None], unit: int = UNIT) -> Run:
    """Carry a run out in this process, in small units."""
    before = problem_units.PROBLEMS_A_UNIT
    problem_units.PROBLEMS_A_UNIT = unit
    try:
        assert carry_out(run, task, bar=False) == DONE, run.log_tail()
    finally:
        problem_units.PROBLEMS_A_UNIT = before
    return run


def save_teacher(folder: Path) -> None:
    """A random adapter that makes the demo another model, which still speaks."""
    model = attach_adapter(load_language_model(ModelSpec()), 4, 8, ("q_proj", "o_proj"))
    torch.manual_seed(0)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.6)
    model.save_pretrained(str(folder), save_embedding_layers=False)


def make_fine_tune(folder: Path) -> None:
    """In `folder`: "prepared", and "train", the same carried out."""
    _moved(prepare_fine_tune(folder), folder / "prepared")
    _moved(finish(prepare_fine_tune(folder), TRAIN.carry_out), folder / "train")


def make_rollouts(folder: Path, unit: int = UNIT) -> None:
    """In `folder`: "rollouts", which only who has units of that size can read."""
    _moved(finish(prepare_rollouts(folder), SAMPLE_ROLLOUTS.carry_out, unit), folder / "rollouts")


def make_distillations(folder: Path, teacher: str) -> None:
    """In `folder`: "large", and "small", a smaller size that takes the teacher's work over."""
    _moved(finish(prepare_distillation(folder, teacher), DISTIL.carry_out), folder / "large")
    small = prepare_distillation(
        folder, teacher, distillation_recipe(**LESS), teacher_from=folder / "large"
    )
    _moved(finish(small, DISTIL.carry_out), folder / "small")


def _moved(run: Run, to: Path) -> None:
    os.rename(run.folder, to)
