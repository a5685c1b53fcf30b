"""A cell of a study of fine-tunes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from core.evaluation.records import ProblemSamples
from core.lora.examples import token_count
from core.lora.phases import LazyModel, sampled
from core.lora.run_files import ADAPTER, EVALUATION, training_history, training_summary
from core.models.spec import ModelSpec
from core.reasonmaxxer.recipe import Recipe
from core.reasonmaxxer.results import TrainingSummary
from core.reasonmaxxer.selection import Selection, select_examples
from core.runs.models import load_run_model, read_model
from core.statistics import Estimate, mean_over_problems, paired_difference
from core.studies.cells import words_of
from core.studies.grid import Cell
from core.studies.phases import MEASURING, TRAINING, doing
from core.studies.recipe import StudyRecipe
from core.studies.results import CellResult

if TYPE_CHECKING:
    from core.runs.context import RunContext

_BASE = "base/held_out"  # unit of the base's accuracy on the held-out problems
_ACCURACY = ("accuracy", "accuracy_low", "accuracy_high", "n")
_SUMMARY = TypeAdapter(TrainingSummary)


def fine_tuned_cell(
    work: RunContext,
    cell: Cell[Recipe],
    count: int,
    recipe: StudyRecipe,
    rollouts: Sequence[ProblemSamples],
    before: Sequence[ProblemSamples],
    *,
    trust_remote_code: bool,
) -> CellResult:
    """Train and measure a cell.

    Args:
        count: cells in all.
        rollouts: of the study.
        before: the base's samples of the test problems.

    Raises:
        TrainingError: it can't be trained.
        Cancelled, ExplorerError: as `train_adapter` and `sampled`.
    """
    run = work.run
    selection = select_examples(rollouts, cell.recipe.selection, cell.recipe.gate, cell.seed)
    spec = read_model(run.config.model)
    _train(work, cell, count, selection, _model(work, spec, trust_remote_code))
    tuned = _model(
        work, replace(spec, adapter=str((run.folder / ADAPTER).resolve())), trust_remote_code
    )
    after = sampled(
        work,
        tuned,
        run.problems(EVALUATION),
        recipe.sampling_settings(recipe.evaluation),
        f"{cell.name}/",
        doing(cell, count, MEASURING),
    )
    summary = training_summary(run, _SUMMARY)
    report = selection.report
    rates, base = ([each.pass_rate for each in records] for records in (after, before))
    return CellResult(
        number=cell.number,
        setting=cell.setting,
        values=words_of(cell),
        seed=cell.seed,
        failure=None,
        held_out=_held_out(work, summary),
        test=mean_over_problems(rates, recipe.seed),
        difference=paired_difference(rates, base, recipe.seed),
        gated_share=report.gated_share,
        signal_mass=signal_mass(selection),
        decisions=report.decisions,
        examples=len(selection.examples),
        trained_tokens=round(token_count(selection.examples) * cell.recipe.training.epochs),
        sampled_tokens=sum(len(s.token_ids) for each in after for s in each.samples),
        steps=summary.steps,
        best_step=summary.best_step,
        pass_rates=tuple(rates),
    )


def signal_mass(selection: Selection) -> float:
    """The share of the signal that lies at gated tokens: |advantage|, summed over the gated tokens
    of all rollouts, divided by its sum over all tokens."""
    gated = sum(abs(each.advantage) * sum(each.gate) for each in selection.examples)
    whole = sum(abs(each.advantage) * len(each.gate) for each in selection.examples)
    return gated / whole if whole else 0.0


def base_held_out(units: Mapping[str, Any]) -> float | None:
    """The base's accuracy on the held-out problems, which every training measures first; None
    before the first cell."""
    found: float | None = units.get(_BASE)
    return found


def _model(work: RunContext, spec: ModelSpec, trust_remote_code: bool) -> LazyModel:
    return LazyModel(lambda: load_run_model(work, spec, trust_remote_code=trust_remote_code))


def _train(
    work: RunContext, cell: Cell[Recipe], count: int, selection: Selection, base: LazyModel
) -> None:
    from core.lora.training import train_once
    from core.reasonmaxxer.training import train_adapter

    recipe = cell.recipe.model_copy(update={"seed": cell.seed})
    what = doing(cell, count, TRAINING)
    train_once(
        work,
        lambda: train_adapter(work, base.loaded(), recipe, selection, what),
        prompt_ids=selection.examples[0].prompt_ids,
        batch_size=recipe.training.batch_size,
        phase=None,
    )
    base.release()


def _held_out(work: RunContext, summary: TrainingSummary) -> Estimate:
    """The accuracy at the step whose weights the adapter has; the first one is the base's."""
    measured = {
        each["step"]: each for each in training_history(work.run) if "eval_accuracy" in each
    }
    if _BASE not in work.finished and 0 in measured:
        work.keep(_BASE, measured[0]["eval_accuracy"])
        work.finished[_BASE] = True
    best = measured[summary.best_step]
    return Estimate(*(best[f"eval_{name}"] for name in _ACCURACY))
