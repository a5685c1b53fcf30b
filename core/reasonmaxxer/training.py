"""The training phase of a run: the trainer, followed, stopped and gone on with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from transformers.utils import logging

from core.evaluation.results import summarise_evaluation
from core.evaluation.sampling import evaluate
from core.evaluation.settings import EvaluationSettings
from core.lora.adapter import trained_parameters
from core.lora.callbacks import CompleteCheckpointCallback, ProgressCallback, last_whole_checkpoint
from core.models.language_model import LanguageModel
from core.reasonmaxxer.results import (
    CHECKPOINTS,
    HELD_OUT,
    HISTORY,
    TrainingSummary,
    training_warnings,
)
from core.reasonmaxxer.trainer import ReasonMaxxerTrainer
from core.records import Problem

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel
    from core.reasonmaxxer.recipe import Recipe
    from core.reasonmaxxer.selection import Selection
    from core.runs.context import RunContext


def train_adapter(
    work: RunContext, lm: LanguageModel, recipe: Recipe, selection: Selection
) -> tuple[TrainingSummary, LanguageModel]:
    """Train an adapter, from the run's last whole checkpoint on.

    Args:
        work: the run.
        lm: the base; the adapter is put onto it.
        recipe: how.
        selection: on what.

    Returns:
        What came of it, and the model with its best adapter.

    Raises:
        Cancelled: a stop was requested; a checkpoint is written before.
        ModelError, TrainingError: as `ReasonMaxxerTrainer`.
    """
    from core.runs.context import Cancelled

    logging.set_verbosity_error()
    folder = work.run.folder / CHECKPOINTS
    held_out = work.run.problems(HELD_OUT)
    checkpoint = last_whole_checkpoint(folder)
    best = {
        "load_best_model_at_end": True,
        "metric_for_best_model": "accuracy",
        "greater_is_better": True,
        "eval_strategy": "steps",
        "eval_steps": recipe.held_out.every,
        "eval_on_start": checkpoint is None,
    }
    parameters = lm.parameters
    lm.use_threads()
    trainer = ReasonMaxxerTrainer(
        lm,
        recipe.trainer_config(
            folder,
            save_strategy="steps",
            save_steps=recipe.held_out.every,
            save_total_limit=2,
            use_cpu=lm.device.type == "cpu",
            **(best if held_out else {}),
        ),
        selection.examples,
        HeldOutAccuracy(
            held_out,
            recipe.sampling_settings(recipe.held_out.sampling),
            work.stop.overdue,
            Cancelled,
        )
        if held_out
        else None,
        [
            ProgressCallback(work, "3 of 4: training", HISTORY, measured=bool(held_out)),
            CompleteCheckpointCallback(),
        ],
    )
    with lm.lock:
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    state = trainer.state
    if work.stop.requested and state.global_step < state.max_steps:
        raise Cancelled
    best_step = state.best_global_step if held_out else None
    summary = TrainingSummary(
        steps=state.global_step,
        best_step=best_step,
        held_out_accuracy=state.best_metric if held_out else None,
        trained_parameters=trained_parameters(trainer.model),
        parameters=parameters,
        warnings=tuple(training_warnings(state.log_history)),
    )
    return summary, trainer.tuned


class HeldOutAccuracy:
    """Samples the held-out problems, always with the same seeds, and says how they went.

    Args:
        problems: at least one.
        settings: how they are sampled.
        cancel: asked between tokens.
        cancelled: what to raise when it says yes.
    """

    def __init__(
        self,
        problems: Sequence[Problem],
        settings: EvaluationSettings,
        cancel: Callable[[], bool] = lambda: False,
        cancelled: type[BaseException] = KeyboardInterrupt,
    ) -> None:
        self._problems, self._settings = problems, settings
        self._cancel, self._cancelled = cancel, cancelled

    def __call__(self, lm: LanguageModel) -> dict[str, float]:
        """Accuracy (pass@1) with its interval, boxed and truncated shares, mean length in tokens.

        Raises:
            ResourceError: as `evaluate`.
        """
        records = evaluate(lm, self._problems, self._settings, cancel=self._cancel)
        if records is None:
            raise self._cancelled
        results = summarise_evaluation(records, self._settings.seed)
        return {
            "accuracy": results.pass_at_1.value,
            "accuracy_low": results.pass_at_1.low,
            "accuracy_high": results.pass_at_1.high,
            "boxed": results.boxed.value,
            "truncated": results.truncated.value,
            "length": results.mean_length.value,
            "n": results.n,
        }
