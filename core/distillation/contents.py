"""What the folder of a distillation holds."""

from __future__ import annotations

from pathlib import Path

from core.distillation.recipe import DistillationRecipe
from core.errors import RunError
from core.language_model import ModelSpec
from core.run_models import read_model
from core.runs.run import Run
from core.runs.settings import checked_settings

TASK = "distill"

EVALUATION = "evaluation"
"""Purpose of its problem set besides the one that the teacher solves."""

ROLLOUTS, TEACHER, BASE, STUDENT = "rollouts/", "teacher/", "base/", "student/"
"""Prefixes of its units: the teacher's rollouts, and the evaluations of all three."""

ASKED = "asked"
"""The unit that says what its three models have in common."""

PHASES_BEFORE = ("teacher", "base")
"""What its phases before the training are called, or begin with."""

ADAPTER, CHECKPOINTS, TOP_K = "adapter", "checkpoints", "teacher_top_k"
RESULTS, SUMMARY, HISTORY = "results.json", "summary.json", "training.json"

_TEACHER_FROM = "teacher_from"


def distillation_recipe(run: Run) -> DistillationRecipe:
    """The recipe of a distillation.

    Raises:
        RunError: it can't be read, or is out of range.
    """
    settings = dict(run.config.settings)
    settings.pop(_TEACHER_FROM, None)
    return checked_settings(DistillationRecipe, settings)


def teacher_source(run: Run) -> Path | None:
    """The folder of the distillation whose teacher's work is taken over, where there is one."""
    found = run.config.settings.get(_TEACHER_FROM)
    return None if found is None else Path(str(found))


def distillation_models(run: Run) -> tuple[ModelSpec, str]:
    """The base of a distillation, and its teacher.

    Raises:
        RunError: they can't be read.
    """
    fields = dict(run.config.model)
    teacher = fields.pop("teacher", None)
    if not isinstance(teacher, str):
        raise RunError("This run's teacher can't be read.", "Set the run up anew.")
    return read_model(fields), teacher
