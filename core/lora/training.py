"""The training phase of a run: train an adapter with checkpoints, check it, keep it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from transformers.utils import logging

from core.errors import ResourceError
from core.lora.adapter import check_changed, take_adapter, write_adapter
from core.lora.callbacks import last_whole_checkpoint
from core.lora.cost import mark_end
from core.lora.run_files import ADAPTER, CHECKPOINTS, SUMMARY
from core.lora.trainer import LoraTrainer
from core.models.language_model import LanguageModel
from core.models.memory import is_out_of_memory
from core.system.json_text import json_text

if TYPE_CHECKING:
    from core.runs.context import RunContext

_Trainer = TypeVar("_Trainer", bound=LoraTrainer)


def train_once(
    work: RunContext,
    train: Callable[[], tuple[Any, LanguageModel]],
    *,
    prompt_ids: Sequence[int],
    batch_size: int,
    phase: str | None = "training",
) -> None:
    """Train the run's adapter, unless it has one.

    Args:
        work: the run; it gets the adapter and a summary.
        train: returns the summary, a dataclass, and the model with its adapter.
        prompt_ids: a prompt by which to check that the adapter changes the model.
        batch_size: of the training, for the message when memory runs out.
        phase: that ends with it, for the cost; None: the caller notes the end of its phase.

    Raises:
        Cancelled, ExplorerError: as `train`.
        TrainingError: the adapter changes nothing.
        ResourceError: the device ran out of memory; the disk is full or can't be written.
    """
    run = work.run
    if (run.folder / ADAPTER).is_dir() and run.read_json(SUMMARY) is not None:
        return
    try:
        summary, tuned = train()
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise ResourceError(
            f"The device ran out of memory while training on {batch_size} rollouts at once.",
            "Lower the training batch size (raise the accumulation by as much), or max new tokens.",
        ) from error
    check_changed(tuned, prompt_ids)
    partial = run.folder / f".{ADAPTER}.partial"
    write_adapter(tuned, partial)
    if phase is not None:
        mark_end(work, phase)
    work.write(SUMMARY, json_text(asdict(summary), indent=1) + "\n")
    take_adapter(partial, run.folder / ADAPTER)


def train_to_the_end(
    work: RunContext,
    lm: LanguageModel,
    make: Callable[[Path, bool, dict[str, Any]], _Trainer],
) -> _Trainer:
    """Train from the run's last complete checkpoint on.

    Args:
        work: the run.
        lm: the base; the adapter is attached to it.
        make: makes the trainer, called with the folder of its checkpoints, whether there is one
            to resume from, and the arguments that all trainers of runs have in common.

    Returns:
        The trainer, at its last step.

    Raises:
        Cancelled: a stop was requested; a checkpoint is written before.
        ModelError, TrainingError: as the trainer.
    """
    from core.runs.context import Cancelled

    logging.set_verbosity_error()
    folder = work.run.folder / CHECKPOINTS
    checkpoint = last_whole_checkpoint(folder)
    lm.use_threads()
    common = {
        "save_strategy": "steps",
        "save_total_limit": 2,
        "use_cpu": lm.device.type == "cpu",
    }
    trainer = make(folder, checkpoint is not None, common)
    with lm.lock:
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    if work.stop.requested and trainer.state.global_step < trainer.state.max_steps:
        raise Cancelled
    return trainer
