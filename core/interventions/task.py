"""The intervention study as a run: prepared once, carried out unit by unit, summed up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from core.errors import FileError, RunError
from core.interventions.arms import InterventionSettings
from core.interventions.records import ProblemRecord
from core.interventions.results import InterventionResults, summarise
from core.interventions.study import check_interventions, intervene
from core.models.spec import ModelSpec, absolute_name, check_spec, teacher_spec
from core.problems.problem_sets import chosen_problems
from core.records import Problem
from core.runs.config import Prepared
from core.runs.models import load_run_model, load_run_teacher, model_fields, read_model
from core.runs.problem_units import kept_records, work_through
from core.runs.run import Run
from core.runs.settings import checked_settings
from core.system.json_text import json_text

if TYPE_CHECKING:
    from core.runs.work import Work

TASK = "interventions"
RESULTS, TABLE, SO_FAR = "results.json", "results.csv", "so_far.json"


def plan_interventions(
    spec: ModelSpec,
    problems: Sequence[Problem],
    settings: Mapping[str, Any],
    *,
    teacher: str | None = None,
    sample: int | None = None,
) -> Prepared:
    """What a run is made of; nothing is worked on yet.

    Args:
        spec: the base.
        problems: the problem set, of which the run keeps a copy.
        settings: fields of `InterventionSettings`.
        teacher: an adapter folder for the base's model, or another model.
        sample: so many of the problems, drawn by the seed; all when None.

    Raises:
        RunError: settings out of range.
        ModelError: an arm without the teacher it needs, or a model that is not there.
        ProblemError: no problems, or more asked for than there are.
    """
    checked = checked_settings(InterventionSettings, settings)
    problems = chosen_problems(problems, sample, checked.seed)
    if teacher is None and checked.arms is not None:
        checked.arms_with(teacher=False)  # refuses arms that need one
    model = model_fields(spec)
    if teacher is not None:
        check_spec(teacher_spec(spec, teacher))
    return Prepared(
        settings=checked.model_dump(mode="json"),
        model={**model, "teacher": None if teacher is None else absolute_name(teacher)},
        seed=checked.seed,
        problems=problems,
    )


def run_interventions(work: Work, *, trust_remote_code: bool = False) -> None:
    """Carry a prepared run out.

    Args:
        work: the run.
        trust_remote_code: whether the model's own Python code may run. A run's folder may come
            from elsewhere: what it says of this is a wish, never the permission.

    Raises:
        Cancelled: when a stop is requested.
        ExplorerError: models, problems or settings that don't go together; memory or disk full.
    """
    run = work.run
    settings = intervention_settings(run)
    problems = run.problems()
    work.report(0, len(problems), "loading the model")
    spec, teacher_name = run_models(run)
    lm = load_run_model(work, spec, trust_remote_code=trust_remote_code)
    teacher = (
        None
        if teacher_name is None
        else load_run_teacher(work, lm, teacher_spec(spec, teacher_name))
    )
    check_interventions(lm, teacher, problems, settings)

    def solve(
        unit: Sequence[Problem], on_progress: Callable[[int, int], None]
    ) -> list[dict[str, Any]] | None:
        records = intervene(
            lm, teacher, unit, settings, cancel=work.stop.overdue, on_progress=on_progress
        )
        return None if records is None else [record.to_json() for record in records]

    work_through(
        work,
        problems,
        solve,
        partial(_whole, arms=_arm_keys(run)),
        doing="decoding all arms",
        belonging="problems and arms",
        sum_up=partial(_write_results, work, SO_FAR),
    )
    results = _write_results(work, RESULTS)
    work.write(TABLE, pd.DataFrame(results.to_rows()).to_csv(index=False))
    (run.folder / SO_FAR).unlink(missing_ok=True)


def run_models(run: Run) -> tuple[ModelSpec, str | None]:
    """The base of a run, and its teacher where it has one.

    Raises:
        RunError: the run's configuration names no model.
    """
    fields = dict(run.config.model)
    teacher = fields.pop("teacher", False)  # a run without a teacher has None there
    if teacher is not None and not isinstance(teacher, str):
        raise RunError("This run's model can't be read (teacher).", "Set the run up anew.")
    return read_model(fields), teacher


def intervention_settings(run: Run) -> InterventionSettings:
    """The settings of a run.

    Raises:
        RunError: they can't be read, or are out of range.
    """
    return checked_settings(InterventionSettings, run.config.settings)


def intervention_records(run: Run) -> list[ProblemRecord]:
    """What a run has found so far, one record a problem, in the order of the problems. A unit
    that is damaged, or that belongs to other problems or arms, counts as not finished.

    Raises:
        RunError, ModelError, ProblemError: settings, models or problems of the run can't be read,
            or don't go together.
    """
    read = partial(_whole, arms=_arm_keys(run))
    return kept_records(run.problems(), run.units(), read)


def intervention_record(run: Run, problem_id: str) -> ProblemRecord:
    """What a run has found on one problem.

    Raises:
        RunError: nothing, or what is there is damaged.
        ModelError, ProblemError: as `intervention_records`.
    """
    for record in intervention_records(run):
        if record.problem_id == problem_id:
            return record
    raise RunError(
        f"This run has no chains of the problem {problem_id}.",
        "`fork-explorer runs resume` decodes what is missing or damaged.",
    )


def intervention_results(run: Run) -> InterventionResults | None:
    """A run's summary; of the problems done so far while it is not finished, None before that.
    It only reads: to sum up takes the run's process a while, and pages must not wait for it.

    Raises:
        RunError, FileError: a damaged file.
    """
    data = run.read_json(RESULTS) or run.read_json(SO_FAR)
    return None if data is None else InterventionResults.from_json(data)


def _arm_keys(run: Run) -> list[str]:
    _, teacher = run_models(run)
    return [arm.key for arm in intervention_settings(run).arms_with(teacher is not None)]


def _whole(
    unit: Any, problems: Sequence[Problem], arms: Sequence[str]
) -> list[ProblemRecord] | None:
    """The records of a unit; None when it isn't there, or isn't all that it should be."""
    try:
        records = [ProblemRecord.from_json(each) for each in unit]
    except (TypeError, FileError):
        return None
    complete = [record.problem_id for record in records] == [problem.id for problem in problems]
    same_arms = all([chain.arm for chain in record.chains] == list(arms) for record in records)
    return records if complete and same_arms else None


def _write_results(work: Work, name: str) -> InterventionResults:
    results = summarise(intervention_records(work.run), work.run.config.seed)
    work.write(name, json_text(results.to_json(), indent=1) + "\n")
    return results
