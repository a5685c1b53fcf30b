"""An evaluation as a run: prepared once, carried out unit by unit, summed up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from core.errors import FileError, RunError
from core.evaluation.comparison import check_same_problems, compare
from core.evaluation.earlier import EarlierEvaluation
from core.evaluation.records import ProblemSamples
from core.evaluation.results import EvaluationResults, summarise_evaluation
from core.evaluation.sampling import EvaluationSettings, check_evaluation, evaluate
from core.models.spec import ModelSpec
from core.problems.problem_sets import chosen_problems
from core.records import Problem
from core.runs.config import Prepared
from core.runs.models import load_run_model, model_fields, read_model
from core.runs.problem_units import kept_records, work_through
from core.runs.run import Run
from core.runs.settings import checked_settings
from core.system.json_text import json_text
from core.system.person_path import person_path

if TYPE_CHECKING:
    from core.runs.work import Work

TASK = "evaluate"
RESULTS, TABLE, SO_FAR = "results.json", "results.csv", "so_far.json"
AGAINST = "against.json"
"""The run's own copy of the evaluation that it is compared with."""


def plan_evaluation(
    spec: ModelSpec,
    problems: Sequence[Problem],
    settings: Mapping[str, Any],
    *,
    sample: int | None = None,
    against: str | Path | None = None,
) -> Prepared:
    """What a run is made of; nothing is worked on yet.

    Args:
        spec: the model.
        problems: the problem set, of which the run keeps a copy.
        settings: fields of `EvaluationSettings`.
        sample: so many of the problems, drawn by the seed; all when None.
        against: the folder of a finished evaluation of the same problems, to compare with.

    Raises:
        RunError: settings out of range; `against` is no finished evaluation.
        ModelError: a model that is not there.
        ProblemError: no problems, more asked for than there are, or others than `against` has.
    """
    checked = checked_settings(EvaluationSettings, settings)
    problems = chosen_problems(problems, sample, checked.seed)
    model = model_fields(spec)
    folder = None
    if against is not None:
        folder = person_path(against).resolve()
        check_same_problems(_finished(folder).problems(), problems)
    return Prepared(
        settings={
            **checked.model_dump(mode="json"),
            "against": None if folder is None else str(folder),
        },
        model=model,
        seed=checked.seed,
        problems=problems,
    )


def run_evaluation(work: Work, *, trust_remote_code: bool = False) -> None:
    """Carry a prepared run out.

    Args:
        work: the run.
        trust_remote_code: whether the model's own Python code may run. A run's folder may come
            from elsewhere: what it says of this is a wish, never the permission.

    Raises:
        Cancelled: when a stop is requested.
        ExplorerError: model, problems or settings that don't go together; an evaluation to
            compare with that is not there; memory or disk full.
    """
    run = work.run
    settings = evaluation_settings(run)
    problems = run.problems()
    work.report(0, len(problems), "loading the model")
    earlier = _keep_earlier(work)
    lm = load_run_model(work, evaluation_model(run), trust_remote_code=trust_remote_code)
    check_evaluation(lm, problems, settings)

    def solve(
        unit: Sequence[Problem], on_progress: Callable[[int, int], None]
    ) -> list[dict[str, Any]] | None:
        records = evaluate(lm, unit, settings, cancel=work.stop.overdue, on_progress=on_progress)
        return None if records is None else [record.to_json() for record in records]

    work_through(
        work,
        problems,
        solve,
        partial(read_unit, samples=settings.samples),
        doing="sampling",
        belonging="problems and samples",
        sum_up=partial(_write_results, work, SO_FAR),
    )
    results = _write_results(work, RESULTS, earlier)
    work.write(TABLE, pd.DataFrame(results.to_rows()).to_csv(index=False))
    (run.folder / SO_FAR).unlink(missing_ok=True)


def evaluation_model(run: Run) -> ModelSpec:
    """The model of a run.

    Raises:
        RunError: it can't be read.
    """
    return read_model(run.config.model)


def evaluation_settings(run: Run) -> EvaluationSettings:
    """The settings of a run.

    Raises:
        RunError: they can't be read, or are out of range.
    """
    settings = dict(run.config.settings)
    settings.pop("against", None)
    return checked_settings(EvaluationSettings, settings)


def evaluation_records(run: Run) -> list[ProblemSamples]:
    """What a run has sampled so far, one record a problem, in the order of the problems. A unit
    that is damaged, or that belongs to other problems, counts as not finished.

    Raises:
        RunError, ProblemError: settings or problems of the run can't be read.
    """
    read = partial(read_unit, samples=evaluation_settings(run).samples)
    return kept_records(run.problems(), run.units(), read)


def evaluation_record(run: Run, problem_id: str) -> ProblemSamples:
    """What a run has sampled of one problem.

    Raises:
        RunError: nothing, or what is there is damaged.
        ProblemError: as `evaluation_records`.
    """
    for record in evaluation_records(run):
        if record.problem_id == problem_id:
            return record
    raise RunError(
        f"This run has no chains of the problem {problem_id}.",
        "`fork-explorer runs resume` samples what is missing or damaged.",
    )


def evaluation_results(run: Run) -> EvaluationResults | None:
    """A run's figures; of the problems done so far while it is not finished, None before that.
    It only reads: to sum up takes the run's process a while, and pages must not wait for it.

    Raises:
        RunError, FileError: a damaged file.
    """
    data = run.read_json(RESULTS) or run.read_json(SO_FAR)
    return None if data is None else EvaluationResults.from_json(data)


def earlier_evaluation(run: Run) -> EarlierEvaluation | None:
    """The evaluation that a run is compared with; None where there is none, or not yet a copy.

    Raises:
        RunError, FileError: the copy is damaged.
    """
    data = run.read_json(AGAINST)
    return None if data is None else EarlierEvaluation.from_json(data)


def _keep_earlier(work: Work) -> EarlierEvaluation | None:
    """Copied before the work begins, so that nothing that happens to that run can undo it."""
    run = work.run
    kept = earlier_evaluation(run)
    against = run.config.settings.get("against")
    if kept is not None or against is None:
        return kept
    found = _finished(Path(str(against)))
    check_same_problems(found.problems(), run.problems())
    earlier = EarlierEvaluation(
        found.id,
        found.config.name,
        evaluation_model(found),
        tuple(evaluation_records(found)),
    )
    work.write(AGAINST, json_text(earlier.to_json()) + "\n")
    return earlier


def _finished(folder: Path) -> Run:
    run = Run.open(folder)
    if run.config.task != TASK:
        raise RunError(
            f"{folder} holds a run of {run.config.task}, not of {TASK}.",
            "Compare with an evaluation.",
        )
    if len(evaluation_records(run)) < len(run.problems()):
        raise RunError(
            f"The evaluation in {folder} is not finished.",
            "Resume it first, or compare with another one.",
        )
    return run


def read_unit(unit: Any, problems: Sequence[Problem], samples: int) -> list[ProblemSamples] | None:
    """The records of a unit of samples, from its JSON; None when it isn't there, or isn't all
    that it should be."""
    try:
        records = [ProblemSamples.from_json(each) for each in unit]
    except (TypeError, FileError):
        return None
    complete = [record.problem_id for record in records] == [problem.id for problem in problems]
    return records if complete and all(record.n == samples for record in records) else None


def _write_results(
    work: Work, name: str, earlier: EarlierEvaluation | None = None
) -> EvaluationResults:
    records, seed = evaluation_records(work.run), work.run.config.seed
    comparison = None if earlier is None else compare(earlier.records, records, seed)
    results = summarise_evaluation(records, seed, comparison)
    work.write(name, json_text(results.to_json(), indent=1) + "\n")
    return results
