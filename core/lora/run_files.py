"""What runs of training keep in their folders, whatever they train."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from core.errors import ExplorerError, RunError
from core.runs.run import Run
from core.runs.run_folder import CONFIG

EVALUATION = "evaluation"
"""Purpose of the problem set that models are measured on."""

ADAPTER, CHECKPOINTS = "adapter", "checkpoints"
"""Folders: the trained adapter, and the trainer's checkpoints while it trains."""

SUMMARY, HISTORY = "summary.json", "training.json"
"""What came of the training itself, and the entries that it logged."""

PROCESSES = "processes.json"
"""How many processes began the training together, and the batches of a step that they share; only
where they are several."""

BOARD = "tensorboard"
"""Folder: what a training logged to TensorBoard."""

History = Sequence[Mapping[str, Any]]
"""Log entries of a trainer, one a logged step: "step" with "loss", or with "eval_accuracy"."""

_Summary = TypeVar("_Summary")


def run_of_adapter(folder: Path) -> Run | None:
    """The run whose adapter a folder is; None for any other adapter or model."""
    parent = folder.absolute().parent
    if folder.absolute().name != ADAPTER or not (parent / CONFIG).is_file():
        return None
    try:
        return Run.open(parent)
    except ExplorerError:
        return None


def training_history(run: Run) -> History:
    """The entries that the training has logged so far, oldest first.

    Raises:
        RunError: a damaged file.
    """
    found = run.read_json(HISTORY)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def training_summary(run: Run, reader: TypeAdapter[_Summary]) -> _Summary:
    """What came of the training of a run.

    Args:
        reader: reads it from its JSON.

    Raises:
        RunError: the file is missing or damaged.
    """
    try:
        return reader.validate_python(run.read_json(SUMMARY))
    except ValidationError as error:
        raise RunError(
            f"{run.folder / SUMMARY} can't be read.",
            "Delete the file and resume the run, which trains again.",
        ) from error
