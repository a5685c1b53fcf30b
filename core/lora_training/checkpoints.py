"""Checkpoints of a training that may be killed at any moment: only whole ones are gone on from."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from core.errors import RunError

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
        RunError: the folder is a link, which may lead anywhere.
        OSError: what is half written can't be deleted.
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
