"""What the folder of a run of rollouts or of a fine-tune holds."""

from __future__ import annotations

from typing import Any

from core.reasonmaxxer.recipe import Recipe
from core.runs.run import Run
from core.runs.settings import checked_settings

ROLLOUTS_TASK, TRAIN_TASK = "rollouts", "train"

HELD_OUT, EVALUATION = "held_out", "evaluation"
"""Purposes of its problem sets besides the one that is rolled out."""

ADAPTER, CHECKPOINTS = "adapter", "checkpoints"
RESULTS, SELECTION, SUMMARY, HISTORY, SIDE_BY_SIDE = (
    "results.json", "selection.json", "summary.json", "training.json", "side_by_side.json",
)  # fmt: skip


def run_recipe(run: Run) -> Recipe:
    """The recipe of a run of rollouts or of a fine-tune.

    Raises:
        RunError: it can't be read, or is out of range.
    """
    settings: dict[str, Any] = dict(run.config.settings)
    settings.pop("rollouts_from", None)
    return checked_settings(Recipe, settings)
