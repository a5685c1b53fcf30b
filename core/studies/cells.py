"""One cell of a study: trained, measured and kept; killed at any moment, it is continued."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from core.errors import TrainingError
from core.evaluation.records import ProblemSamples
from core.lora.cost import mark_end
from core.lora.examples import token_count
from core.lora.phases import LazyModel, sampled
from core.lora.run_files import (
    ADAPTER,
    CHECKPOINTS,
    EVALUATION,
    HISTORY,
    SUMMARY,
    training_history,
    training_summary,
)
from core.models.spec import ModelSpec
from core.reasonmaxxer.results import TrainingSummary
from core.reasonmaxxer.selection import Selection, select_examples
from core.runs.models import load_run_model, read_model
from core.runs.run import Run
from core.statistics import Estimate, mean_over_problems, paired_difference
from core.studies.phases import MEASURING, TRAINING, doing
from core.studies.recipe import Cell, StudyRecipe
from core.studies.results import CellResult

if TYPE_CHECKING:
    from core.runs.context import RunContext

CELLS = "cells"
"""Folder of the finished cells: the adapter of each, and what its training logged."""

_BASE = "base/held_out"  # unit of the base's accuracy on the held-out problems
_ACCURACY = ("accuracy", "accuracy_low", "accuracy_high", "n")
_DONE = "done/"  # prefix of the units of finished cells
_ADAPTER = TypeAdapter(CellResult)
_SUMMARY = TypeAdapter(TrainingSummary)


def finished_cells(units: Mapping[str, Any], cells: Sequence[Cell]) -> list[CellResult]:
    """What a study has found so far, by its units, in the order of the grid."""
    found = [units.get(_DONE + cell.name) for cell in cells]
    return [_ADAPTER.validate_python(each) for each in found if each is not None]


def work_on(
    work: RunContext,
    cell: Cell,
    count: int,
    recipe: StudyRecipe,
    rollouts: Sequence[ProblemSamples],
    before: Sequence[ProblemSamples],
    *,
    trust_remote_code: bool,
) -> bool:
    """Train and measure a cell, unless it is done. One that can't be trained is kept as such.

    Args:
        work: the run; its adapter, checkpoints and summary are those of the cell at work.
        count: cells in all.
        rollouts: of the study.
        before: the base's samples of the test problems.

    Returns:
        Whether the cell was not done before.

    Raises:
        Cancelled, ExplorerError: as `train_adapter` and `sampled`.
    """
    run, key = work.run, _DONE + cell.name
    is_new = key not in work.finished
    if is_new:
        try:
            result = _result(work, cell, count, recipe, rollouts, before, trust_remote_code)
        except TrainingError as error:
            result = _failed(cell, error)
        work.keep(key, _ADAPTER.dump_python(result, mode="json"))
        work.finished[key] = True
        mark_end(work, f"cell {cell.number + 1}")
    _put_away(run, cell)
    return is_new


def _result(
    work: RunContext,
    cell: Cell,
    count: int,
    recipe: StudyRecipe,
    rollouts: Sequence[ProblemSamples],
    before: Sequence[ProblemSamples],
    trust_remote_code: bool,
) -> CellResult:
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
        values=_words(cell),
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


def _train(work: RunContext, cell: Cell, count: int, selection: Selection, base: LazyModel) -> None:
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


def _failed(cell: Cell, error: TrainingError) -> CellResult:
    return CellResult(cell.number, cell.setting, _words(cell), cell.seed, str(error))


def _words(cell: Cell) -> dict[str, str]:
    return {
        name: "+".join(value) if isinstance(value, tuple) else str(value)
        for name, value in cell.values.items()
    }


def _put_away(run: Run, cell: Cell) -> None:
    """Move a finished cell's adapter and history into its folder. Done again after a kill."""
    folder = run.folder / CELLS / cell.name
    if folder.is_dir():
        return
    partial = folder.with_name(f".{cell.name}.partial")
    partial.mkdir(parents=True, exist_ok=True)
    for name in (HISTORY, ADAPTER):
        if (run.folder / name).exists():
            (run.folder / name).replace(partial / name)
    (run.folder / SUMMARY).unlink(missing_ok=True)
    if (run.folder / CHECKPOINTS).is_dir():  # else the next cell would continue from them
        shutil.rmtree(run.folder / CHECKPOINTS)
    partial.replace(folder)
