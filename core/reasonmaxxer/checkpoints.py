"""Checkpoints of a training that may be killed at any moment: only whole ones are gone on from."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

_WHOLE = "whole"  # an empty file, made when everything else of a checkpoint is there


class MarkWhole(TrainerCallback):
    """Marks every checkpoint when it is whole."""

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Called by the trainer after each checkpoint."""
        if state.is_world_process_zero:
            (Path(args.output_dir) / f"checkpoint-{state.global_step}" / _WHOLE).touch()


def last_whole_checkpoint(folder: Path) -> Path | None:
    """The latest whole checkpoint; what is half written beside it is deleted.

    Raises:
        OSError: it can't be deleted.
    """
    found = {}
    for checkpoint in folder.glob("checkpoint-*"):
        step = checkpoint.name.rpartition("-")[2]
        if (checkpoint / _WHOLE).is_file() and step.isdigit():
            found[int(step)] = checkpoint
        else:
            shutil.rmtree(checkpoint)
    return found[max(found)] if found else None
