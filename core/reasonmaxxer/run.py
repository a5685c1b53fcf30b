"""Rollouts and fine-tunes as runs: every phase kept, so that none is ever done twice."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from pydantic import TypeAdapter, ValidationError

from core.errors import ResourceError, RunError, TrainingError
from core.evaluation.comparison import compare
from core.evaluation.records import ProblemSamples
from core.evaluation.results import EvaluationResults, summarise_evaluation
from core.evaluation.run import read_unit
from core.evaluation.sampling import EvaluationSettings, check_evaluation, evaluate
from core.language_model import LanguageModel
from core.reasonmaxxer.adapter_card import adapter_card
from core.reasonmaxxer.contents import (
    ADAPTER,
    CHECKPOINTS,
    EVALUATION,
    HELD_OUT,
    HISTORY,
    RESULTS,
    SELECTION,
    SIDE_BY_SIDE,
    SUMMARY,
    run_recipe,
)
from core.reasonmaxxer.cost import Cost, peak_memory_bytes
from core.reasonmaxxer.history import History
from core.reasonmaxxer.recipe import Recipe
from core.reasonmaxxer.results import TrainingResults, TrainingSummary
from core.reasonmaxxer.rollouts import ROLLOUTS, rollout_records, take_rollouts
from core.reasonmaxxer.select import Selection, SelectionReport, select_examples
from core.reasonmaxxer.side_by_side import SideBySide, side_by_side
from core.records import Problem
from core.run_models import load_run_model, read_model
from core.runs.problem_units import kept_records, work_through
from core.runs.run import Run

if TYPE_CHECKING:
    from core.runs.work import Work

_BEFORE, _AFTER = "before/", "after/"
_SHOWN_PAIRS = 24  # problems that are decoded greedily before and after


def run_rollouts(work: Work, *, trust_remote_code: bool = False) -> None:
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
    lm = load_run_model(read_model(run.config.model), trust_remote_code=trust_remote_code)
    records = _sampled_rollouts(work, lm, recipe, "sampling rollouts")
    results = summarise_evaluation(records, recipe.seed)
    work.write(RESULTS, _json(results.to_json()))


def run_training(work: Work, *, trust_remote_code: bool = False) -> None:
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
    spec = read_model(run.config.model)
    folder = run.folder / ADAPTER
    evaluation = run.problems(EVALUATION)
    clock = _Clock(work)
    take_rollouts(work)
    if not folder.is_dir():
        work.report(0, None, "loading the model")
        lm = load_run_model(spec, trust_remote_code=trust_remote_code)
        check_evaluation(lm, evaluation, recipe.sampling_settings(recipe.evaluation))
        rollouts = _sampled_rollouts(work, lm, recipe, "1 of 4: rollouts")
        clock.mark("rollouts")
        selection = select_examples(rollouts, recipe.selection, recipe.gate, recipe.seed)
        work.write(SELECTION, _json(asdict(selection.report)))
        settings = recipe.sampling_settings(recipe.evaluation)
        _sampled(work, lm, evaluation, settings, _BEFORE, "2 of 4: accuracy before")
        clock.mark("before")
        _train(work, lm, recipe, selection)
        clock.mark("training")
        del lm
        gc.collect()
    tuned = load_run_model(
        replace(spec, adapter=str(folder.resolve())), trust_remote_code=trust_remote_code
    )
    _check_changed(tuned, run.problems(), recipe)
    settings = recipe.sampling_settings(recipe.evaluation)
    _sampled(work, tuned, evaluation, settings, _AFTER, "4 of 4: accuracy after")
    clock.mark("after")
    _sum_up(work, tuned, recipe, clock)


def training_history(run: Run) -> History:
    """What the training has logged so far, oldest first.

    Raises:
        RunError: a damaged file.
    """
    found = run.read_json(HISTORY)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def selection_report(run: Run) -> SelectionReport | None:
    """What a fine-tune learns from; None before that is known.

    Raises:
        RunError: a damaged file.
    """
    data = run.read_json(SELECTION)
    try:
        return None if data is None else _SELECTION.validate_python(data)
    except ValidationError as error:
        raise RunError(
            "This run's selection can't be read.", "Resume the run, which writes it again."
        ) from error


def training_results(run: Run) -> TrainingResults | None:
    """What came of a fine-tune; None before its end.

    Raises:
        RunError, SessionError: a damaged file.
    """
    data = run.read_json(RESULTS)
    return None if data is None else TrainingResults.from_json(data)


def chains_side_by_side(run: Run) -> list[SideBySide]:
    """Some problems' greedy chains before and after; none before the end.

    Raises:
        RunError, SessionError: a damaged file.
    """
    found = run.read_json(SIDE_BY_SIDE) or []
    return [SideBySide.from_json(each) for each in (found if isinstance(found, list) else [found])]


def rollouts_results(run: Run) -> EvaluationResults | None:
    """The figures of a run of rollouts; None before its end.

    Raises:
        RunError, SessionError: a damaged file.
    """
    data = run.read_json(RESULTS)
    return None if data is None else EvaluationResults.from_json(data)


class _Clock:
    """Seconds of work at the end of each phase, over all starts of the run."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def mark(self, phase: str) -> None:
        """A phase has ended; only the first time counts."""
        if f"clock/{phase}" not in self._work.finished:
            self._work.keep(f"clock/{phase}", self._work.elapsed)

    def seconds(self) -> dict[str, float]:
        """How long each phase took."""
        ends = {
            key.removeprefix("clock/"): float(end)
            for key, end in self._work.run.units().items()
            if key.startswith("clock/")
        }
        begins = [0.0, *ends.values()]
        return {
            phase: end - begin
            for (phase, end), begin in zip(ends.items(), begins[: len(ends)], strict=True)
        }


def _sampled_rollouts(
    work: Work, lm: LanguageModel, recipe: Recipe, doing: str
) -> list[ProblemSamples]:
    problems = work.run.problems()
    settings = recipe.sampling_settings(recipe.rollouts)
    held_out = work.run.problems(HELD_OUT)
    check_evaluation(lm, [*problems, *held_out], settings)
    return _sampled(work, lm, problems, settings, ROLLOUTS, doing, keep_entropy=True)


def _sampled(
    work: Work,
    lm: LanguageModel,
    problems: Sequence[Problem],
    settings: EvaluationSettings,
    prefix: str,
    doing: str,
    *,
    keep_entropy: bool = False,
) -> list[ProblemSamples]:
    """Sample what is not there yet, and return all of it."""

    def solve(
        unit: Sequence[Problem], on_progress: Callable[[int, int], None]
    ) -> list[dict[str, Any]] | None:
        records = evaluate(
            lm,
            unit,
            settings,
            cancel=work.stop.overdue,
            on_progress=on_progress,
            keep_entropy=keep_entropy,
        )
        return None if records is None else [record.to_json() for record in records]

    work_through(
        work,
        problems,
        solve,
        partial(read_unit, samples=settings.samples),
        doing=doing,
        belonging="problems and samples",
        prefix=prefix,
    )
    return _records(work.run, problems, settings.samples, prefix)


def _records(
    run: Run, problems: Sequence[Problem], samples: int, prefix: str
) -> list[ProblemSamples]:
    return kept_records(problems, run.units(), partial(read_unit, samples=samples), prefix)


def _train(work: Work, lm: LanguageModel, recipe: Recipe, selection: Selection) -> None:
    """Train the adapter, from the last whole checkpoint on, and keep its best one."""
    from core.reasonmaxxer.training_run import train_adapter

    try:
        summary, trained = train_adapter(work, lm, recipe, selection)
    except torch.OutOfMemoryError as error:
        raise ResourceError(
            f"The device ran out of memory while training on {recipe.training.batch_size} "
            "rollouts at once.",
            "Lower the training batch size (raise the accumulation by as much), or max new tokens.",
        ) from error
    work.write(SUMMARY, _json(asdict(summary)))
    partly = work.run.folder / f".{ADAPTER}.partial"
    shutil.rmtree(partly, ignore_errors=True)
    trained.save_pretrained(str(partly))
    os.replace(partly, work.run.folder / ADAPTER)


def _check_changed(tuned: LanguageModel, problems: Sequence[Problem], recipe: Recipe) -> None:
    """A before and after of one and the same model would mean nothing."""
    from core.prompt_settings import problem_prompt

    model: Any = tuned.model
    ids = torch.tensor([problem_prompt(tuned, problems[0], recipe)], device=tuned.device)
    with tuned.lock, torch.inference_mode():
        after = model(input_ids=ids).logits
        with model.disable_adapter():
            before = model(input_ids=ids).logits
    if torch.equal(before, after):
        raise TrainingError(
            "The tuned model equals its base: the training changed nothing.",
            "Raise the learning rate or the epochs, or give it more problems.",
        )


def _sum_up(work: Work, tuned: LanguageModel, recipe: Recipe, clock: _Clock) -> None:
    run = work.run
    problems = run.problems(EVALUATION)
    samples = recipe.evaluation.samples
    before, after = (_records(run, problems, samples, each) for each in (_BEFORE, _AFTER))
    rollouts = rollout_records(run)
    selection = select_examples(rollouts, recipe.selection, recipe.gate, recipe.seed)
    summary = run.read_json(SUMMARY) or {}
    sampled = [each for records in (rollouts, before, after) for each in records]
    learned = sum(len(each.prompt_ids) + len(each.token_ids) for each in selection.examples)
    comparison = compare(before, after, recipe.seed)
    results = TrainingResults(
        selection=selection.report,
        training=TrainingSummary(**{**summary, "warnings": tuple(summary.get("warnings", ()))}),
        before=summarise_evaluation(before, recipe.seed),
        after=summarise_evaluation(after, recipe.seed),
        comparison=comparison,
        cost=Cost(
            seconds=clock.seconds(),
            sampled_tokens=sum(len(s.token_ids) for each in sampled for s in each.samples),
            trained_tokens=round(learned * recipe.training.epochs),
            peak_memory_bytes=peak_memory_bytes(tuned.device),
            usd_per_hour=recipe.usd_per_hour,
        ),
    )
    shown = _to_show(problems, comparison.gained, comparison.lost)
    pairs = side_by_side(tuned, shown, recipe, cancel=work.stop.overdue)
    work.write(SIDE_BY_SIDE, _json([pair.to_json() for pair in pairs]))
    card = adapter_card(read_model(run.config.model), recipe, results, run.config.versions)
    (run.folder / ADAPTER / "README.md").write_text(card, encoding="utf-8")
    work.write(RESULTS, _json(results.to_json()))
    with contextlib.suppress(OSError):
        shutil.rmtree(run.folder / CHECKPOINTS)  # the adapter is what they were for


def _to_show(
    problems: Sequence[Problem], gained: Sequence[str], lost: Sequence[str]
) -> list[Problem]:
    """Problems that flipped, the lost ones too, and then any others."""
    half = _SHOWN_PAIRS // 2
    wanted = dict.fromkeys([*lost[:half], *gained, *(problem.id for problem in problems)])
    by_id = {problem.id: problem for problem in problems}
    return [by_id[each] for each in list(wanted)[:_SHOWN_PAIRS]]


def _json(data: Mapping[str, Any] | Sequence[Any]) -> str:
    return json.dumps(data, ensure_ascii=False, indent=1) + "\n"


_SELECTION = TypeAdapter(SelectionReport)
