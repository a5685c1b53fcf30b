"""Rollouts and fine-tunes as runs: every phase kept, so that none is ever done twice."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from pydantic import TypeAdapter, ValidationError

from core.chains.prompting import problem_prompt
from core.errors import ResourceError, RunError
from core.evaluation.comparison import compare
from core.evaluation.records import ProblemSamples
from core.evaluation.results import summarise_evaluation
from core.lora.adapter import check_changed, take_adapter, write_adapter
from core.lora.cost import Cost, mark_end, peak_memory_bytes, phase_seconds
from core.lora.phases import LazyModel, sampled
from core.models.language_model import LanguageModel
from core.reasonmaxxer.adapter_card import adapter_card
from core.reasonmaxxer.recipe import Recipe
from core.reasonmaxxer.results import (
    ADAPTER,
    CHECKPOINTS,
    EVALUATION,
    HELD_OUT,
    RESULTS,
    SELECTION,
    SIDE_BY_SIDE,
    SUMMARY,
    TrainingResults,
    TrainingSummary,
    run_recipe,
)
from core.reasonmaxxer.rollouts import ROLLOUTS, take_rollouts
from core.reasonmaxxer.selection import Selection, select_examples
from core.reasonmaxxer.side_by_side import side_by_side
from core.records import Problem
from core.runs.models import load_run_model, read_model
from core.runs.run import Run
from core.system.json_text import json_text

if TYPE_CHECKING:
    from core.runs.context import RunContext

_BEFORE, _AFTER = "before/", "after/"
_SHOWN_PAIRS = 24  # problems that are decoded greedily before and after


def run_rollouts(work: RunContext, *, trust_remote_code: bool = False) -> None:
    """Sample the rollouts of a prepared run.

    Args:
        work: the run.
        trust_remote_code: whether the model's own Python code may run.

    Raises:
        Cancelled: when a stop is requested.
        ExplorerError: model, problems or settings that don't go together; memory or disk full.
    """
    run, recipe = work.run, run_recipe(work.run)
    work.report(0, len(run.problems()), "loading the model")
    base = _model(work, trust_remote_code)
    records = _sampled_rollouts(work, base, recipe, "sampling rollouts")
    results = summarise_evaluation(records, recipe.seed)
    work.write(RESULTS, _json(results.to_json()))


def run_training(work: RunContext, *, trust_remote_code: bool = False) -> None:
    """Carry a prepared fine-tune out: rollouts, accuracy before, training, accuracy after.

    Args:
        work: the run.
        trust_remote_code: whether the model's own Python code may run.

    Raises:
        Cancelled: when a stop is requested.
        TrainingError: nothing to learn from, a loss that is no number, or a tuned model that
            equals its base.
        ExplorerError: model, problems or settings that don't go together; memory or disk full.
    """
    run, recipe = work.run, run_recipe(work.run)
    base = _model(work, trust_remote_code)
    take_rollouts(work)
    work.report(0, None, "loading the model")
    rollouts = _sampled_rollouts(work, base, recipe, "1 of 4: rollouts")
    mark_end(work, "rollouts")
    selection = select_examples(rollouts, recipe.selection, recipe.gate, recipe.seed)
    work.write(SELECTION, _json(asdict(selection.report)))
    before = _evaluated(work, base, recipe, _BEFORE, "2 of 4: accuracy before")
    mark_end(work, "before")
    folder = run.folder / ADAPTER
    if not folder.is_dir() or run.read_json(SUMMARY) is None:
        _train(work, base.loaded(), recipe, selection)
    base.release()
    work.report(0, None, "4 of 4: loading the tuned model")
    tuned = _model(work, trust_remote_code, folder)
    after = _evaluated(work, tuned, recipe, _AFTER, "4 of 4: accuracy after")
    mark_end(work, "after")
    _sum_up(work, tuned.loaded(), recipe, selection, rollouts, before, after)


def _model(work: RunContext, trust_remote_code: bool, adapter: Path | None = None) -> LazyModel:
    """A model of the run: the base, or with its adapter."""
    spec = read_model(work.run.config.model)
    spec = spec if adapter is None else replace(spec, adapter=str(adapter.resolve()))
    return LazyModel(lambda: load_run_model(work, spec, trust_remote_code=trust_remote_code))


def _sampled_rollouts(
    work: RunContext, base: LazyModel, recipe: Recipe, doing: str
) -> list[ProblemSamples]:
    problems, held_out = work.run.problems(), work.run.problems(HELD_OUT)
    settings = recipe.sampling_settings(recipe.rollouts)
    return sampled(work, base, problems, settings, ROLLOUTS, doing, held_out, keep_entropy=True)


def _evaluated(
    work: RunContext, model: LazyModel, recipe: Recipe, prefix: str, doing: str
) -> list[ProblemSamples]:
    settings = recipe.sampling_settings(recipe.evaluation)
    return sampled(work, model, work.run.problems(EVALUATION), settings, prefix, doing)


def _train(work: RunContext, lm: LanguageModel, recipe: Recipe, selection: Selection) -> None:
    """Train the adapter, from the last whole checkpoint on, and keep its best one."""
    from core.reasonmaxxer.training import train_adapter

    try:
        summary, trained = train_adapter(work, lm, recipe, selection)
    except torch.OutOfMemoryError as error:
        raise ResourceError(
            f"The device ran out of memory while training on {recipe.training.batch_size} "
            "rollouts at once.",
            "Lower the training batch size (raise the accumulation by as much), or max new tokens.",
        ) from error
    check_changed(trained, problem_prompt(trained, work.run.problems()[0], recipe))
    adapter = work.run.folder / ADAPTER
    partly = work.run.folder / f".{ADAPTER}.partial"
    write_adapter(trained, partly)
    mark_end(work, "training")
    work.write(SUMMARY, _json(asdict(summary)))
    take_adapter(partly, adapter)


def _sum_up(
    work: RunContext,
    tuned: LanguageModel,
    recipe: Recipe,
    selection: Selection,
    rollouts: Sequence[ProblemSamples],
    before: Sequence[ProblemSamples],
    after: Sequence[ProblemSamples],
) -> None:
    from core.runs.context import Cancelled

    run = work.run
    records = [each for phase in (rollouts, before, after) for each in phase]
    learned = sum(len(each.prompt_ids) + len(each.token_ids) for each in selection.examples)
    comparison = compare(before, after, recipe.seed)
    results = TrainingResults(
        selection=selection.report,
        training=_summary(run),
        before=summarise_evaluation(before, recipe.seed),
        after=summarise_evaluation(after, recipe.seed),
        comparison=comparison,
        cost=Cost(
            seconds=phase_seconds(run),
            sampled_tokens=sum(len(s.token_ids) for each in records for s in each.samples),
            trained_tokens=round(learned * recipe.training.epochs),
            peak_memory_bytes=peak_memory_bytes(tuned.device),
            usd_per_hour=recipe.usd_per_hour,
        ),
    )
    shown = _to_show(run.problems(EVALUATION), comparison.gained, comparison.lost)
    work.report(0, len(shown), "4 of 4: the same problems before and after")
    pairs = side_by_side(tuned, shown, recipe, cancel=work.stop.overdue)
    if pairs is None:
        raise Cancelled
    work.write(SIDE_BY_SIDE, _json([pair.to_json() for pair in pairs]))
    spec, versions = read_model(run.config.model), run.config.versions
    card = adapter_card(spec, recipe, results, versions, tuned.prompt_style)
    (run.folder / ADAPTER / "README.md").write_text(card, encoding="utf-8")
    work.write(RESULTS, _json(results.to_json()))
    work.report(len(shown), len(shown), "4 of 4: the same problems before and after")
    with contextlib.suppress(OSError):
        shutil.rmtree(run.folder / CHECKPOINTS)  # the adapter is what they were for


def _summary(run: Run) -> TrainingSummary:
    try:
        return _SUMMARY.validate_python(run.read_json(SUMMARY))
    except ValidationError as error:
        raise RunError(
            f"{run.folder / SUMMARY} can't be read.",
            "Delete the file and resume the run, which trains again.",
        ) from error


def _to_show(
    problems: Sequence[Problem], gained: Sequence[str], lost: Sequence[str]
) -> list[Problem]:
    """Problems that flipped, the lost ones too, and then any others."""
    half = _SHOWN_PAIRS // 2
    wanted = dict.fromkeys([*lost[:half], *gained, *(problem.id for problem in problems)])
    by_id = {problem.id: problem for problem in problems}
    return [by_id[each] for each in list(wanted)[:_SHOWN_PAIRS]]


def _json(data: Mapping[str, Any] | Sequence[Any]) -> str:
    return json_text(data, indent=1) + "\n"


_SUMMARY = TypeAdapter(TrainingSummary)
