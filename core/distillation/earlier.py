"""Reuse of the teacher's rollouts, distributions and accuracies from an earlier distillation."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.distillation.recipe import DistillationRecipe
from core.distillation.results import (
    ASKED,
    BASE,
    PHASES_BEFORE,
    ROLLOUTS,
    TASK,
    TEACHER,
    TOP_K,
    distillation_recipe,
    teacher_source,
)
from core.errors import ExplorerError, RunError
from core.lora.cost import add_earlier, phase_seconds
from core.lora.run_files import EVALUATION
from core.records import Problem
from core.runs.run import Run
from core.runs.status import RunState
from core.system.durable_files import disk_error

if TYPE_CHECKING:
    from core.runs.context import RunContext

_OWN = {"preset", "training", "usd_per_hour", "batch_size"}  # settings that may differ


def checked_source(
    folder: Path,
    model: Mapping[str, Any],
    teachers: Sequence[str],
    recipe: DistillationRecipe,
    learned: Sequence[Problem],
    evaluation: Sequence[Problem],
) -> Run:
    """The finished distillation in a folder, of the same models, problems and sampling.

    Raises:
        RunError: it isn't such a run.
        ProblemError: its problems can't be read.
    """
    run = Run.open(folder)
    if run.config.task != TASK:
        raise RunError(
            f"{folder} holds a run of {run.config.task}, not of {TASK}.",
            "Give the folder of a finished distillation.",
        )
    if run.status().state is not RunState.DONE:
        raise RunError(f"The distillation in {folder} is not finished.", "Resume that run first.")
    theirs = distillation_recipe(run)
    theirs = theirs.model_copy(update={"prompt_date": theirs.prompt_date or run.config.day})
    fields = DistillationRecipe.model_fields.keys() - _OWN
    differing = sorted(name for name in fields if getattr(theirs, name) != getattr(recipe, name))
    if run.config.model != dict(model) or list(run.config.teachers) != list(teachers):
        differing.append("models")
    if run.problems() != list(learned) or run.problems(EVALUATION) != list(evaluation):
        differing.append("problem sets")
    if differing:
        raise RunError(
            f"The teacher's work in {folder} is of another kind: {', '.join(differing)}.",
            "Use the same ones, or leave that run out.",
        )
    return run


def prompt_date_of(folder: Path) -> date:
    """The date in the chat template of a distillation's prompts.

    Raises:
        RunError: the folder holds no distillation.
    """
    run = Run.open(folder)
    return distillation_recipe(run).prompt_date or run.config.day


def take_teacher(work: RunContext) -> None:
    """Copy the teacher's work of the run's source into its own folder.

    If the source is gone or has changed, nothing is copied: the same models, problems and seed
    give the same work.

    Raises:
        ResourceError: the disk is full or can't be written.
    """
    run, folder = work.run, teacher_source(work.run)
    if folder is None or any(key.startswith((ROLLOUTS, TEACHER, BASE)) for key in work.finished):
        return
    try:
        recipe = distillation_recipe(run)
        source = checked_source(
            folder,
            run.config.model,
            run.config.teachers,
            recipe,
            run.problems(),
            run.problems(EVALUATION),
        )
        kept = source.folder / TOP_K
        if kept.is_symlink() or not kept.is_dir():
            return
    except ExplorerError:
        return
    try:
        (run.folder / TOP_K).mkdir(exist_ok=True)
        for path in sorted(kept.glob("*.safetensors")):
            if path.is_file() and not path.is_symlink():
                shutil.copyfile(path, run.folder / TOP_K / path.name)
    except OSError as error:
        raise disk_error(run.folder / TOP_K, error) from error
    seconds = phase_seconds(source)
    took = sum(each for name, each in seconds.items() if name.startswith(PHASES_BEFORE))
    add_earlier(work, "teacher and base", took)
    for key, unit in source.units().items():
        if key == ASKED or key.startswith((ROLLOUTS, TEACHER, BASE)):
            work.keep(key, unit)
            work.finished[key] = unit
