"""Evaluation as a kind of run: its plan, its copy of an earlier evaluation, its `Kind`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.engines.protocol import check_sampler
from core.engines.served import ServedEngine, score_of
from core.errors import RunError
from core.evaluation.comparison import check_same_problems, compare
from core.evaluation.earlier import EarlierEvaluation
from core.evaluation.estimate import estimate_evaluation
from core.evaluation.headline import evaluation_headline
from core.evaluation.records import ProblemSamples, has_samples
from core.evaluation.results import EvaluationResults, summarise_evaluation
from core.evaluation.sampling import check_evaluation, evaluate
from core.evaluation.settings import EvaluationSettings
from core.models.spec import ModelSpec
from core.problems.problem_sets import chosen_problems
from core.records import Problem
from core.runs.config import RunPlan
from core.runs.kind import Kind
from core.runs.models import model_fields, read_model
from core.runs.problem_units import units_of_a_batch
from core.runs.run import Run
from core.runs.settings import checked_settings
from core.system.json_text import json_text
from core.system.person_path import person_path

if TYPE_CHECKING:
    from core.runs.context import RunContext

AGAINST_RUN = "against"  # among a run's inputs
AGAINST = "against.json"
"""The run's own copy of the evaluation that it is compared with."""


def plan_evaluation(
    spec: ModelSpec,
    problems: Sequence[Problem],
    settings: Mapping[str, Any],
    *,
    sample: int | None = None,
    against: str | Path | None = None,
    engine: ServedEngine | None = None,
) -> RunPlan:
    """The plan of a run, checked before any work.

    Args:
        spec: the model.
        problems: the problem set, of which the run keeps a copy.
        settings: fields of `EvaluationSettings`.
        sample: number of problems to draw by the seed; None takes all.
        against: folder of a finished evaluation of the same problems, to compare with.
        engine: a server that samples the chains (`core.engines.finding.find_engine`).

    Raises:
        RunError: settings out of range; `against` isn't a finished evaluation; a score that
            doesn't go with `keep_entropy`.
        SamplerError: a sampler that the engine doesn't have.
        ModelError: a missing model.
        ProblemError: no problems, more asked for than there are, or others than `against` has.
    """
    checked = checked_settings(EvaluationSettings, settings)
    if engine is not None:
        check_sampler(checked.sampler)
        score_of(engine.score, keeps_entropy=checked.keep_entropy)
    problems = chosen_problems(problems, sample, checked.seed)
    model = model_fields(spec)
    folder = None
    if against is not None:
        folder = person_path(against).resolve()
        check_same_problems(_finished(folder).problems(), problems)
    return RunPlan(
        settings=checked.model_dump(mode="json"),
        model=model,
        inputs={} if folder is None else {AGAINST_RUN: str(folder)},
        seed=checked.seed,
        problems=problems,
        engine=engine,
    )


def earlier_evaluation(run: Run) -> EarlierEvaluation | None:
    """The evaluation that a run is compared with; None without one, or before it is copied.

    Raises:
        RunError, FileError: the copy is damaged.
    """
    data = run.read_json(AGAINST)
    return None if data is None else EarlierEvaluation.from_json(data)


def _keep_earlier(work: RunContext) -> None:
    """Copy the earlier evaluation before the work begins, in case its run is deleted."""
    run = work.run
    against = run.config.inputs.get(AGAINST_RUN)
    if against is None or earlier_evaluation(run) is not None:
        return
    found = _finished(Path(against))
    if run.config.shard is None:  # of a shard, the plan of the whole has checked them
        check_same_problems(found.problems(), run.problems())
    earlier = EarlierEvaluation(
        found.id,
        found.config.name,
        read_model(found.config.model),
        tuple(EVALUATE.records_of(found)),
    )
    work.write(AGAINST, json_text(earlier.to_json()) + "\n")


def _finished(folder: Path) -> Run:
    run = Run.open(folder)
    if run.config.task != EVALUATE.name:
        raise RunError(
            f"{folder} holds a run of {run.config.task}, not of {EVALUATE.name}.",
            "Compare with an evaluation.",
        )
    if len(EVALUATE.records_of(run)) < len(run.problems()):
        raise RunError(
            f"The evaluation in {folder} is not finished.",
            "Resume it first, or compare with another one.",
        )
    return run


def _has_its_samples(run: Run) -> Callable[[ProblemSamples], bool]:
    return has_samples(EVALUATE.settings_of(run).samples)


def _summarise(run: Run, records: Sequence[ProblemSamples], finished: bool) -> EvaluationResults:
    whole = run.config.shard is None
    earlier = earlier_evaluation(run) if finished and whole else None
    seed = run.config.seed
    comparison = None if earlier is None else compare(earlier.records, records, seed)
    return summarise_evaluation(records, seed, comparison)


_DOING = "sampling"

EVALUATE = Kind(
    name="evaluate",
    settings=EvaluationSettings,
    record=ProblemSamples,
    results=EvaluationResults,
    doing=_DOING,
    belonging="problems and samples",
    check=lambda models, problems, settings: check_evaluation(
        models.base, problems, settings, models.engine
    ),
    solve=lambda models, unit, settings, cancel, on_progress: evaluate(
        models.base,
        unit,
        settings,
        cancel=cancel,
        on_progress=on_progress,
        keep_entropy=settings.keep_entropy,
        engine=models.engine,
    ),
    complete=_has_its_samples,
    summarise=_summarise,
    prepare=_keep_earlier,
    files=(AGAINST,),
    at_once=lambda settings: units_of_a_batch(settings.batch_size, settings.samples),
    estimate=lambda meter, plan, settings: estimate_evaluation(meter, plan, settings, _DOING),
    headline=evaluation_headline,
)
"""Judged samples of every problem, compared with an earlier evaluation."""
