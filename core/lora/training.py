"""The training phase of a run: train an adapter with checkpoints, check it, keep it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from transformers import TrainerCallback
from transformers.utils import logging

from core.errors import ResourceError
from core.lora.adapter import check_changed, take_adapter, write_adapter
from core.lora.callbacks import CompleteCheckpointCallback, last_whole_checkpoint
from core.lora.cost import mark_end
from core.lora.recipe import LoraTraining
from core.lora.reporting import Reporter
from core.lora.run_files import ADAPTER, CHECKPOINTS, SUMMARY
from core.lora.together import together, with_processes
from core.lora.trainer import LoraTrainer
from core.models.language_model import LanguageModel
from core.models.memory import is_out_of_memory
from core.system.json_text import json_text

if TYPE_CHECKING:
    from core.runs.context import RunContext


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
        if (known := out_of_memory(error, batch_size)) is None:
            raise
        raise known from error
    check_changed(tuned, prompt_ids)
    partial = run.folder / f".{ADAPTER}.partial"
    write_adapter(tuned, partial)
    if phase is not None:
        mark_end(work, phase)
    work.write(SUMMARY, json_text(asdict(summary), indent=1) + "\n")
    take_adapter(partial, run.folder / ADAPTER)


def out_of_memory(error: RuntimeError, batch_size: int) -> ResourceError | None:
    """What a training that ran out of memory says; None for another error."""
    if not is_out_of_memory(error):
        return None
    return ResourceError(
        f"The device ran out of memory while training on {batch_size} rollouts at once.",
        "Lower the training batch size (raise the accumulation by as much), or max new tokens.",
    )


class TrainerRecipe(Protocol):
    """A recipe that is trained by."""

    @property
    def training(self) -> LoraTraining: ...

    def trainer_config(self, output_dir: Path, **others: Any) -> Any: ...

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Any: ...


@dataclass(frozen=True)
class Training:
    """What is trained, the same for all processes that take part.

    Attributes:
        trainer: its class.
        recipe: of the run.
        examples: to train on.
        save_every: steps between two checkpoints.
        measured: whether the model is measured as often, and the best checkpoint taken.
    """

    trainer: type[LoraTrainer]
    recipe: TrainerRecipe
    examples: Sequence[Any]
    save_every: int
    measured: bool = False

    def trainer_of(
        self,
        lm: LanguageModel,
        folder: Path,
        *,
        resumes: bool,
        callbacks: Sequence[TrainerCallback] = (),
        held_out: Callable[[LanguageModel], dict[str, float]] | None = None,
    ) -> LoraTrainer:
        """The trainer of a process.

        Args:
            lm: the base; the adapter is attached to it.
            folder: of the checkpoints.
            resumes: whether there is one to resume from.
            callbacks: of transformers.
            held_out: measures the model, in the main process.
        """
        arguments: dict[str, Any] = {
            "save_strategy": "steps",
            "save_steps": self.save_every,
            "save_total_limit": 2,
            "use_cpu": lm.device.type == "cpu",
        }
        measuring: dict[str, Any] = {}
        if self.measured:
            arguments |= {
                "load_best_model_at_end": True,
                "metric_for_best_model": "accuracy",
                "greater_is_better": True,
                "eval_strategy": "steps",
                "eval_steps": self.save_every,
                "eval_on_start": not resumes,
            }
            measuring = {"held_out": held_out or _by_the_main_process}
        config = self.recipe.trainer_config(folder, **arguments)
        return self.trainer(lm, config, self.examples, callbacks=callbacks, **measuring)


def train_to_the_end(
    work: RunContext,
    lm: LanguageModel,
    training: Training,
    progress: TrainerCallback,
    held_out: Callable[[LanguageModel], dict[str, float]] | None = None,
) -> LoraTrainer:
    """Train from the run's last complete checkpoint on, with the processes that were launched
    together with this one, if any.

    Args:
        work: the run.
        lm: the base; the adapter is attached to it.
        training: what is trained.
        progress: of the run.
        held_out: measures the model, where `training` says so.

    Returns:
        The trainer, at its last step.

    Raises:
        Cancelled: a stop was requested; a checkpoint is written before.
        ModelError, TrainingError: as the trainer.
        RunError: so many processes can't share a step of the run; the place to log to can't be
            reached.
        ResourceError: another process is lost.
    """
    from core.runs.context import Cancelled

    logging.set_verbosity_error()
    folder = work.run.folder / CHECKPOINTS
    checkpoint = last_whole_checkpoint(folder)
    lm.use_threads()
    reports_to = training.recipe.training.report_to
    reporters = [] if reports_to == "none" else [Reporter(work, reports_to)]
    training = with_processes(work, training, begun=checkpoint is not None)
    with together(work, lm, training, checkpoint):
        trainer = training.trainer_of(
            lm,
            folder,
            resumes=checkpoint is not None,
            callbacks=[progress, CompleteCheckpointCallback(), *reporters],
            held_out=held_out,
        )
        with lm.lock:
            trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    if work.stop.requested and trainer.state.global_step < trainer.state.max_steps:
        raise Cancelled
    return trainer


def _by_the_main_process(lm: LanguageModel) -> dict[str, float]:
    raise AssertionError("only the main process measures")
