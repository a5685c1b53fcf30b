"""The training phase of a fine-tune: the trainer, with progress, held-out accuracy, a summary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from core.errors import TrainingError
from core.evaluation.results import summarise_evaluation
from core.evaluation.sampling import evaluate
from core.evaluation.settings import EvaluationSettings
from core.lora.adapter import trained_parameters
from core.lora.callbacks import ProgressCallback
from core.lora.run_files import HISTORY
from core.lora.training import Training, train_to_the_end
from core.models.language_model import LanguageModel
from core.reasonmaxxer.phases import TRAINING
from core.reasonmaxxer.results import HELD_OUT, TrainingSummary, training_warnings
from core.reasonmaxxer.settings import Weighting
from core.reasonmaxxer.trainer import ReasonMaxxerTrainer
from core.records import Problem

if TYPE_CHECKING:
    from core.reasonmaxxer.recipe import Recipe
    from core.reasonmaxxer.selection import Selection
    from core.runs.context import RunContext


def train_adapter(
    work: RunContext,
    lm: LanguageModel,
    recipe: Recipe,
    selection: Selection,
    doing: str = TRAINING,
) -> tuple[TrainingSummary, LanguageModel]:
    """Train an adapter from the run's last complete checkpoint on.

    Args:
        work: the run.
        lm: the base; the adapter is attached to it.
        recipe: all settings.
        selection: the examples to train on.
        doing: what is being done, for the progress.

    Returns:
        A summary, and the model with its best adapter.

    Raises:
        Cancelled: a stop was requested; a checkpoint is written before.
        ModelError, TrainingError: as `ReasonMaxxerTrainer`.
        TrainingError: the recipe asks for weights of decisions, and the examples have none.
    """
    from core.runs.context import Cancelled

    if recipe.training.weighting is not Weighting.NONE and selection.examples[0].weights is None:
        raise TrainingError(
            "The decisions have no weights: no teacher has read the rollouts.",
            "Set training.weighting to none, or train with a teacher.",
        )

    held_out, every = work.run.problems(HELD_OUT), recipe.held_out.every
    accuracy = None
    if held_out:
        settings = recipe.sampling_settings(recipe.held_out.sampling)
        accuracy = HeldOutAccuracy(held_out, settings, work.stop.overdue, Cancelled)
    parameters = lm.parameters
    training = Training(
        ReasonMaxxerTrainer, recipe, selection.examples, every, measured=bool(held_out)
    )
    progress = ProgressCallback(work, doing, HISTORY, measured=bool(held_out))
    trainer = train_to_the_end(work, lm, training, progress, accuracy)
    state = trainer.state
    summary = TrainingSummary(
        steps=state.global_step,
        best_step=state.best_global_step if held_out else None,
        held_out_accuracy=state.best_metric if held_out else None,
        trained_parameters=trained_parameters(trainer.model),
        parameters=parameters,
        warnings=tuple(training_warnings(state.log_history)),
    )
    return summary, trainer.tuned


class HeldOutAccuracy:
    """Measures a model on the held-out problems, always with the same seeds.

    Args:
        problems: at least one.
        settings: how they are sampled.
        cancel: asked between tokens.
        cancelled: the exception to raise when it returns True.
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
