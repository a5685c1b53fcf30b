"""The training phase of a distillation: the trainer, with progress, checkpoints and a summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.distillation.results import DistillationSummary
from core.distillation.trainer import DistillationTrainer
from core.lora.adapter import trained_parameters
from core.lora.callbacks import ProgressCallback
from core.lora.run_files import HISTORY
from core.lora.training import Training, train_to_the_end

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
    """Train an adapter from the run's last complete checkpoint on.

    Args:
        work: the run.
        lm: the base; the adapter is attached to it.
        recipe: all settings.
        examples: to train on.
        doing: what is being done, for the progress.

    Returns:
        A summary, and the model with its adapter.

    Raises:
        Cancelled: a stop was requested; a checkpoint is written before.
        ModelError, TrainingError: as `DistillationTrainer`.
    """
    parameters = lm.parameters
    training = Training(DistillationTrainer, recipe, examples, _SAVE_EVERY)
    trainer = train_to_the_end(work, lm, training, ProgressCallback(work, doing, HISTORY))
    losses = _losses(trainer.state.log_history)
    last = losses[-_LAST:]
    summary = DistillationSummary(
        steps=trainer.state.global_step,
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
