"""What every process but the main one does: wait, train with it, wait for its end."""

from __future__ import annotations

import gc
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist
from transformers.utils import logging

from core.errors import ExplorerError, RunError
from core.lora.group import Group, end_at_once
from core.models.language_model import fetch_model, load_language_model
from core.models.spec import ModelSpec

if TYPE_CHECKING:
    from core.lora.training import Training

_POLL = 0.2  # seconds
_FAILED = 2  # exit code


@dataclass(frozen=True)
class Shared:
    """What the main process gives the others before a training."""

    spec: ModelSpec  # of the base
    training: Training
    checkpoint: Mapping[str, bytes] | None  # files of the one to resume from


def shared(mine: Shared | None = None) -> Shared:
    """What the main process gives, in every process."""
    found: list[Shared | None] = [mine]
    dist.broadcast_object_list(found, src=0)
    assert found[0] is not None
    return found[0]


def files_of(checkpoint: Path) -> dict[str, bytes]:
    """The files of a checkpoint, by their names."""
    return {each.name: each.read_bytes() for each in checkpoint.iterdir() if each.is_file()}


def follow(group: Group) -> int:
    """Help the main process until it ends.

    Returns:
        The exit code: that of the main process, or 2 where this one or the main one is lost.
    """
    asked = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):  # the main process is asked, too, and tells
        signal.signal(each, lambda *_: asked.set())
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    has_trained = False
    code = None
    with group.watched(end_at_once):
        while code is None:
            time.sleep(_POLL)
            if asked.is_set():
                asked.clear()
                group.why_it_broke()  # a launcher asks where the main process was killed, too
            if group.lost is not None:
                return _say(group.lost)
            code = group.end
            device = None if has_trained or code is not None else group.called_to_train
            if device is not None:
                has_trained = True
                if not _trained(group, device):
                    return _FAILED
    group.close(code)
    return code


def _trained(group: Group, device: str) -> bool:
    """Train with the main process; says why not."""
    try:
        group.start_training(device)
        _train(shared())
    except ExplorerError as error:
        group.fail(error)
        _say(error)
    except Exception as error:
        if group.why_it_broke() is not None or group.end is not None:
            _say(group.lost)
        else:
            traceback.print_exc()
            said = " ".join(str(error).split())[:300]
            group.fail(
                RunError(
                    f"The training broke off with {type(error).__name__}: {said}",
                    "This is a bug: stderr has the traceback.",
                )
            )
    else:
        gc.collect()
        if device == "cuda":
            torch.cuda.empty_cache()
        return True
    return False


def _train(work: Shared) -> None:
    from core.lora.training import out_of_memory

    spec = work.spec
    lm = load_language_model(spec, fetch_model(spec))
    lm.use_threads()
    with tempfile.TemporaryDirectory(prefix="fork-explorer-") as name:
        folder, checkpoint = Path(name) / "checkpoints", None
        if work.checkpoint is not None:
            checkpoint = Path(name) / "resumed"
            checkpoint.mkdir()
            for file, content in work.checkpoint.items():
                (checkpoint / file).write_bytes(content)
        trainer = work.training.trainer_of(lm, folder, resumes=checkpoint is not None)
        try:
            trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        except RuntimeError as error:
            known = out_of_memory(error, work.training.recipe.training.batch_size)
            if known is None:
                raise
            raise known from error


def portable(spec: ModelSpec, device: torch.device) -> ModelSpec:
    """A model's spec for the other processes, each of which has a device of its own."""
    return replace(spec, device=device.type)


def _say(error: ExplorerError | None) -> int:
    if error is not None:
        print(f"fork-explorer: {error}", file=sys.stderr, flush=True)
    return _FAILED
