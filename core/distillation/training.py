"""The training phase of a distillation: the trainer, followed, stopped and gone on with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from transformers.utils import logging

from core.distillation.results import CHECKPOINTS, HISTORY, DistillationSummary
from core.distillation.trainer import DistillationTrainer
from core.lora.adapter import trained_parameters
from core.lora.callbacks import CompleteCheckpointCallback, ProgressCallback, last_whole_checkpoint

if TYPE_CHECKING:
    from core.distillation.examples import DistillationExample
    from core.distillation.recipe import DistillationRecipe
    from core.models.language_model import LanguageModel
    from core.runs.context import RunContext

_SAVE_EVERY = 25  # steps
_LAST = 10  # steps whose mean is the last KL


def train_student(
    work: RunContext,
    lm: LanguageModel,
    recipe: DistillationRecipe,
    examples: Sequence[DistillationExample],
    doing: str,
) -> tuple[DistillationSummary, LanguageModel]:
    """Train an adapter, from the run's last whole checkpoint on.

    Args:
        work: the run.
        lm: the base; the adapter is put onto it.
        recipe: how.
        examples: on what.
        doing: what is being done, for the progress.

    Returns:
        What came of it, and the model with its adapter.

    Raises:
        Cancelled: a stop was requested; a checkpoint is written before.
        ModelError, TrainingError: as `DistillationTrainer`.
    """
    from core.runs.context import Cancelled

    logging.set_verbosity_error()
    folder = work.run.folder / CHECKPOINTS
    checkpoint = last_whole_checkpoint(folder)
    parameters = lm.parameters
    lm.use_threads()
    trainer = DistillationTrainer(
        lm,
        recipe.trainer_config(
            folder,
            save_strategy="steps",
            save_steps=_SAVE_EVERY,
            save_total_limit=2,
            use_cpu=lm.device.type == "cpu",
        ),
        examples,
        [ProgressCallback(work, doing, HISTORY), CompleteCheckpointCallback()],
    )
    with lm.lock:
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    state = trainer.state
    if work.stop.requested and state.global_step < state.max_steps:
        raise Cancelled
    losses = _losses(state.log_history)
    last = losses[-_LAST:]
    summary = DistillationSummary(
        steps=state.global_step,
        first_kl=losses[0] if losses else None,
        last_kl=sum(last) / len(last) if last else None,
        rank=recipe.training.lora_rank,
        alpha=recipe.training.alpha,
        target_modules=recipe.training.target_modules,
        trained_parameters=trained_parameters(trainer.model),
        parameters=parameters,
    )
    return summary, trainer.tuned


def _losses(history: Sequence[Mapping[str, Any]]) -> list[float]:
    return [float(entry["loss"]) for entry in history if "loss" in entry]
