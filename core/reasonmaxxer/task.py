"""Rollouts and fine-tunes as kinds of run. Every phase is kept, so that none is repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from core.evaluation.comparison import compare
from core.evaluation.headline import rollouts_headline
from core.evaluation.records import ProblemSamples, has_samples
from core.evaluation.results import EvaluationResults, summarise_evaluation
from core.evaluation.sampling import check_evaluation, evaluate
from core.lora.cost import cost_of, mark_end
from core.lora.kind import TrainingKind
from core.lora.phases import LazyModel, sampled
from core.lora.run_files import ADAPTER, EVALUATION, training_summary
from core.models.language_model import LanguageModel
from core.models.spec import teacher_spec
from core.reasonmaxxer.adapter_card import adapter_card
from core.reasonmaxxer.estimate import estimate_rollouts, estimate_training
from core.reasonmaxxer.headline import training_headline
from core.reasonmaxxer.phases import (
    AFTER,
    BEFORE,
    ROLLING_OUT,
    SAMPLING,
    SHOWING,
    SHOWN_PAIRS,
    WEIGHING,
)
from core.reasonmaxxer.plan import check_weighting
from core.reasonmaxxer.recipe import Recipe
from core.reasonmaxxer.results import (
    HELD_OUT,
    ROLLOUTS_TASK,
    SELECTION,
    SIDE_BY_SIDE,
    TRAIN_TASK,
    WEIGHTS,
    TrainingResults,
    TrainingSummary,
    run_recipe,
)
from core.reasonmaxxer.rollouts import ROLLOUTS, imported_records, take_rollouts
from core.reasonmaxxer.selection import Selection, select_examples
from core.reasonmaxxer.settings import Weighting
from core.reasonmaxxer.side_by_side import side_by_side
from core.reasonmaxxer.weights import decision_divergences, weight_report, weighted
from core.records import Problem
from core.runs.kind import IndependentUnits
from core.runs.models import base_and_teachers, load_run_model, load_run_teacher, read_model
from core.runs.problem_units import Solve, kept_records, unit_reader, units_of_a_batch
from core.system.json_text import json_text

if TYPE_CHECKING:
    from core.runs.context import RunContext
    from core.runs.run import Run

_BEFORE, _AFTER = "before/", "after/"
_DIVERGENCES = "divergences"  # key of the teacher's, at the decisions of every example


def _roll_out(work: RunContext, recipe: Recipe, trust_remote_code: bool) -> EvaluationResults:
    """Sample the rollouts.

    Raises:
        Cancelled: when a stop is requested.
        ExplorerError: model, problems or settings that don't go together; memory or disk full.
    """
    work.report(0, len(work.run.problems()), "loading the model")
    base = _model(work, trust_remote_code)
    records = _sampled_rollouts(work, base, recipe, SAMPLING)
    return summarise_evaluation(records, recipe.seed, uneven=work.run.config.imported is not None)


def _rollout_units(recipe: Recipe) -> IndependentUnits:
    settings = recipe.sampling_settings(recipe.rollouts)

    def solver(work: RunContext, trust_remote_code: bool) -> Solve:
        base = _model(work, trust_remote_code).loaded()
        check_evaluation(base, [*work.run.problems(), *work.run.problems(HELD_OUT)], settings)
        return lambda unit, on_progress: evaluate(
            base,
            unit,
            settings,
            cancel=work.stop.overdue,
            on_progress=on_progress,
            keep_entropy=True,
        )

    return IndependentUnits(
        solver=solver,
        read=lambda _: unit_reader(ProblemSamples, has_samples(settings.samples)),
        at_once=units_of_a_batch(settings.batch_size, settings.samples),
        prefix=ROLLOUTS,
    )


def _fine_tune(work: RunContext, recipe: Recipe, trust_remote_code: bool) -> TrainingResults:
    """Rollouts, accuracy before, training, accuracy after.

    Raises:
        Cancelled: when a stop is requested.
        TrainingError: nothing to learn from, a loss that is NaN or infinite, or a tuned model
            that equals its base.
        ExplorerError: model, problems or settings that don't go together; memory or disk full.
    """
    run = work.run
    base = _model(work, trust_remote_code)
    take_rollouts(work)
    work.report(0, None, "loading the model")
    rollouts = _sampled_rollouts(work, base, recipe, ROLLING_OUT)
    mark_end(work, "rollouts")
    selection = select_examples(rollouts, recipe.selection, recipe.gate, recipe.seed)
    work.write(SELECTION, _json(asdict(selection.report)))
    selection = _weighted(work, base, recipe, selection)
    measuring, measured = recipe.sampling_settings(recipe.evaluation), run.problems(EVALUATION)
    before = sampled(work, base, measured, measuring, _BEFORE, BEFORE)
    mark_end(work, "before")
    _train(work, base, recipe, selection)
    base.release()
    work.report(0, None, "4 of 4: loading the tuned model")
    tuned = _model(work, trust_remote_code, run.folder / ADAPTER)
    after = sampled(work, tuned, measured, measuring, _AFTER, AFTER)
    mark_end(work, "after")
    results = TrainingResults(
        selection=selection.report,
        training=training_summary(run, _SUMMARY),
        before=summarise_evaluation(before, recipe.seed),
        after=summarise_evaluation(after, recipe.seed),
        comparison=compare(before, after, recipe.seed),
        cost=cost_of(
            run,
            [*rollouts, *before, *after],
            selection.examples,
            epochs=recipe.training.epochs,
            device=tuned.loaded().device,
            usd_per_hour=recipe.usd_per_hour,
        ),
    )
    _keep_pairs_and_card(work, tuned.loaded(), recipe, results)
    return results


def _model(work: RunContext, trust_remote_code: bool, adapter: Path | None = None) -> LazyModel:
    """A model of the run: the base, or with its adapter."""
    spec = read_model(work.run.config.model)
    spec = spec if adapter is None else replace(spec, adapter=str(adapter.resolve()))
    return LazyModel(lambda: load_run_model(work, spec, trust_remote_code=trust_remote_code))


def _sampled_rollouts(
    work: RunContext, base: LazyModel, recipe: Recipe, doing: str
) -> list[ProblemSamples]:
    problems, held_out = work.run.problems(), work.run.problems(HELD_OUT)
    if work.run.config.imported is not None:
        records = imported_records(work.run)
        work.report(len(problems), len(problems), doing)
        return records
    settings = recipe.sampling_settings(recipe.rollouts)
    return sampled(
        work, base, problems, settings, ROLLOUTS, doing, held_out, keep_entropy=True, on_engine=True
    )


def _weighted(work: RunContext, base: LazyModel, recipe: Recipe, selection: Selection) -> Selection:
    """The selection with a weight at each decision, where the recipe asks for weights. The
    teacher's divergences are kept, so that it reads the rollouts once."""
    from core.runs.context import Cancelled

    weighting, run = recipe.training.weighting, work.run
    if weighting is Weighting.NONE:
        return selection
    spec, teachers = base_and_teachers(run)
    check_weighting(recipe, next(iter(teachers), None))
    found = work.finished.get(_DIVERGENCES)
    counts = [sum(each.gate) for each in selection.examples]
    if not isinstance(found, list) or [len(each) for each in found] != counts:
        work.report(0, len(counts), WEIGHING)
        lm = base.loaded()
        teacher = load_run_teacher(work, lm, teacher_spec(spec, teachers[0]))
        found = decision_divergences(
            lm,
            teacher,
            selection.examples,
            cancel=work.stop.overdue,
            on_progress=lambda done, total: work.report(done, total, WEIGHING),
        )
        if found is None:
            raise Cancelled
        work.keep(_DIVERGENCES, found)
        work.finished[_DIVERGENCES] = found
    mark_end(work, "weights")
    examples = weighted(selection.examples, found, weighting, recipe.seed)
    work.write(WEIGHTS, _json(weight_report(found, weighting, teachers[0]).to_json()))
    return Selection(tuple(examples), selection.report)


def _train(work: RunContext, base: LazyModel, recipe: Recipe, selection: Selection) -> None:
    from core.lora.training import train_once
    from core.reasonmaxxer.training import train_adapter

    train_once(
        work,
        lambda: train_adapter(work, base.loaded(), recipe, selection),
        prompt_ids=selection.examples[0].prompt_ids,
        batch_size=recipe.training.batch_size,
    )


def _keep_pairs_and_card(
    work: RunContext, tuned: LanguageModel, recipe: Recipe, results: TrainingResults
) -> None:
    """Decode some problems greedily before and after, and write the adapter's README."""
    from core.runs.context import Cancelled

    run, found = work.run, results.comparison
    shown = _to_show(run.problems(EVALUATION), found.gained, found.lost)
    work.report(0, len(shown), SHOWING)
    pairs = side_by_side(tuned, shown, recipe, cancel=work.stop.overdue)
    if pairs is None:
        raise Cancelled
    work.write(SIDE_BY_SIDE, _json([pair.to_json() for pair in pairs]))
    spec, versions = read_model(run.config.model), run.config.versions
    style, imported = tuned.prompt_style, run.config.imported
    card = adapter_card(spec, recipe, results, versions, style, imported=imported)
    (run.folder / ADAPTER / "README.md").write_text(card, encoding="utf-8")
    work.report(len(shown), len(shown), SHOWING)


def records_after(run: Run) -> list[ProblemSamples]:
    """The samples of a fine-tune's last evaluation that it has so far.

    Raises:
        RunError, ProblemError: settings, problems or samples can't be read.
    """
    read = unit_reader(ProblemSamples, has_samples(run_recipe(run).evaluation.samples))
    return kept_records(run.problems(EVALUATION), run.units(), read, _AFTER)


def _to_show(
    problems: Sequence[Problem], gained: Sequence[str], lost: Sequence[str]
) -> list[Problem]:
    """Problems that flipped, the lost ones among them, then any others."""
    half = SHOWN_PAIRS // 2
    wanted = dict.fromkeys([*lost[:half], *gained, *(problem.id for problem in problems)])
    by_id = {problem.id: problem for problem in problems}
    return [by_id[each] for each in list(wanted)[:SHOWN_PAIRS]]


def _json(data: Any) -> str:
    return json_text(data, indent=1) + "\n"


_SUMMARY = TypeAdapter(TrainingSummary)

SAMPLE_ROLLOUTS = TrainingKind(
    name=ROLLOUTS_TASK,
    settings=Recipe,
    results=EvaluationResults,
    phases=_roll_out,
    units=_rollout_units,
    estimate=lambda meter, plan, recipe: estimate_rollouts(meter, plan, recipe, SAMPLING),
    headline=rollouts_headline,
)
"""Rollouts of training problems, for one fine-tune or several."""

TRAIN = TrainingKind(
    name=TRAIN_TASK,
    settings=Recipe,
    results=TrainingResults,
    phases=_fine_tune,
    estimate=estimate_training,
    headline=training_headline,
)
"""ReasonMaxxer: rollouts, accuracy before, training at decision points, accuracy after."""
