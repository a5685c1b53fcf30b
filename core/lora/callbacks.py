"""Callbacks of a run's Trainer: progress, history, a stop that saves, complete checkpoints."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from core.errors import RunError
from core.system.json_text import json_text

if TYPE_CHECKING:
    from core.lora.trainer import LoraTrainer
    from core.runs.context import RunContext


class StepCallback(TrainerCallback):
    """A callback that is also called within a step."""

    def on_micro_batch(self, trainer: LoraTrainer, done: int, whole: int) -> None:
        """Called by a `LoraTrainer` after a micro-batch that is not the last of its step.

        Args:
            trainer: at work.
            done: micro-batches of the step so far.
            whole: all of them.
        """
        raise NotImplementedError


class ProgressCallback(StepCallback):
    """Reports progress and history to the run, and stops the training when the run is stopped.

    Args:
        work: the run.
        doing: what is being done, for the progress.
        history: the file for the log entries.
        measured: whether the model is measured at the last step, too.
    """

    def __init__(
        self, work: RunContext, doing: str, history: str, *, measured: bool = False
    ) -> None:
        self._work, self._doing, self._history = work, doing, history
        self._measured = measured

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Called by the trainer before its first step."""
        self._report(state)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Called by the trainer after every step."""
        self._report(state)
        if state.global_step >= state.max_steps:  # save and measure at the last step, too
            control.should_save = True
            control.should_evaluate = self._measured
        elif self._work.stop.requested:
            control.should_save = control.should_training_stop = True

    def on_micro_batch(self, trainer: LoraTrainer, done: int, whole: int) -> None:
        """Reports the part of the step that is done. A stop that can't wait for the step's end
        keeps the steps before it.

        Raises:
            Cancelled: the stop is overdue.
        """
        from core.runs.context import Cancelled

        self._report(trainer.state, done / whole)
        # Several processes end a step together: to leave them in its middle would lose it.
        if self._work.stop.overdue() and trainer.args.world_size == 1:
            trainer.keep_last_step()
            raise Cancelled

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Called by the trainer when it has logged something."""
        # Without the last entry, which summarises this start only.
        entries = [_finite(each) for each in state.log_history if "train_runtime" not in each]
        self._work.write(self._history, json_text(entries) + "\n")

    def _report(self, state: Any, part: float = 0.0) -> None:
        self._work.report(state.global_step + part, state.max_steps, self._doing, "steps")


def _finite(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A log entry without NaN and infinity (an overflowed gradient norm), which JSON lacks."""
    return {
        key: value
        for key, value in entry.items()
        if not isinstance(value, float) or isfinite(value)
    }


_WHOLE = "whole"  # an empty file, written last: the checkpoint is complete


class CompleteCheckpointCallback(TrainerCallback):
    """Marks every checkpoint as complete."""

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Called by the trainer after each checkpoint."""
        if state.is_world_process_zero:
            (Path(args.output_dir) / f"checkpoint-{state.global_step}" / _WHOLE).touch()


def last_whole_checkpoint(folder: Path) -> Path | None:
    """The latest complete checkpoint; deletes incomplete ones.

    Raises:
        RunError: the folder is a link, which may lead anywhere.
        OSError: an incomplete checkpoint can't be deleted.
    """
    if folder.is_symlink():
        raise RunError(f"{folder} is a link.", "Put the folder itself there, or delete the link.")
    found = {}
    for checkpoint in folder.glob("checkpoint-*"):
        if checkpoint.is_symlink():
            checkpoint.unlink()
            continue
        step = checkpoint.name.rpartition("-")[2]
        if (checkpoint / _WHOLE).is_file() and step.isdigit():
            found[int(step)] = checkpoint
        else:
            shutil.rmtree(checkpoint)
    return found[max(found)] if found else None
