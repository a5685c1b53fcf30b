"""The training phase of a run: the trainer, followed, stopped and gone on with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback
from transformers.utils import logging

from core.lora_training.checkpoints import MarkWhole, last_whole_checkpoint
from core.reasonmaxxer.contents import CHECKPOINTS, HELD_OUT, HISTORY
from core.reasonmaxxer.held_out import HeldOutAccuracy
from core.reasonmaxxer.history import training_warnings
from core.reasonmaxxer.results import TrainingSummary
from core.reasonmaxxer.trainer import ReasonMaxxerTrainer

if TYPE_CHECKING:
    from core.language_model import LanguageModel
    from core.reasonmaxxer.recipe import Recipe
    from core.reasonmaxxer.select import Selection
    from core.runs.work import Work


def train_adapter(
    work: Work, lm: LanguageModel, recipe: Recipe, selection: Selection
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
    from core.runs.work import Cancelled

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
        [_Follow(work, measured=bool(held_out)), MarkWhole()],
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
        trained_parameters=sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
        parameters=parameters,
        warnings=tuple(training_warnings(state.log_history)),
    )
    return summary, trainer.tuned


class _Follow(TrainerCallback):
    """Tells the run how the training goes, and the training when the run is to stop."""

    def __init__(self, work: Work, measured: bool) -> None:
        self._work, self._measured = work, measured

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._report(state)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._report(state)
        if state.global_step >= state.max_steps:  # the last step counts, too
            control.should_save = True
            control.should_evaluate = self._measured
        elif self._work.stop.requested:
            control.should_save = control.should_training_stop = True

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        # Less the last entry, which sums up this start only.
        entries = [each for each in state.log_history if "train_runtime" not in each]
        self._work.write(HISTORY, json.dumps(entries) + "\n")

    def _report(self, state: Any) -> None:
        self._work.report(state.global_step, state.max_steps, "3 of 4: training", "steps")
