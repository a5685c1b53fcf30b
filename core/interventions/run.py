"""The intervention study as a run: prepared once, carried out unit by unit, summed up."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import pandas as pd
from pydantic import TypeAdapter, ValidationError

from core.errors import ProblemError, RunError, SessionError
from core.interventions.records import ProblemRecord
from core.interventions.results import InterventionResults, summarise
from core.interventions.study import InterventionSettings, check_interventions, intervene
from core.language_model import (
    ModelSpec,
    absolute_name,
    check_spec,
    load_language_model,
    teacher_spec,
)
from core.problems import sample_problems
from core.records import Problem
from core.runs.config import Prepared
from core.runs.run import Run

if TYPE_CHECKING:
    from core.runs.work import Work

TASK = "interventions"
RESULTS, TABLE, SO_FAR = "results.json", "results.csv", "so_far.json"
_PROBLEMS_A_UNIT = 16
_SO_FAR_SECONDS = 5.0  # between two summaries of what there is so far


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
    checked = _settings(settings)
    if not problems:
        raise ProblemError("There are no problems to run on.", "Choose a set that has some.")
    if sample is not None:
        problems = sample_problems(problems, sample, checked.seed)
    if teacher is None and checked.arms is not None:
        checked.arms_with(teacher=False)  # refuses arms that need one
    check_spec(spec)
    if teacher is not None:
        check_spec(teacher_spec(spec, teacher))
    adapter = None if spec.adapter is None else absolute_name(spec.adapter)
    spec = replace(spec, model=absolute_name(spec.model), adapter=adapter)
    return Prepared(
        settings=checked.model_dump(mode="json"),
        model={**asdict(spec), "teacher": None if teacher is None else absolute_name(teacher)},
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
    from core.runs.work import Cancelled

    run = work.run
    settings = _settings(run.config.settings)
    problems = run.problems()
    work.report(0, len(problems), "loading the model")
    spec, teacher_name = run_models(run)
    if spec.trust_remote_code and not trust_remote_code:
        raise RunError(
            f"The model {spec.model} of this run brings Python code of its own.",
            "If you trust its authors, give --trust-remote-code, or choose the model in the "
            "sidebar and allow its code there.",
        )
    lm = load_language_model(spec)
    teacher = (
        None if teacher_name is None else load_language_model(teacher_spec(spec, teacher_name))
    )
    check_interventions(lm, teacher, problems, settings)
    arms = _arm_keys(run)
    kept = [(key, chunk) for key, _, chunk in _units(problems) if key in work.finished]
    whole = {key for key, chunk in kept if _whole(work.finished[key], chunk, arms)}
    if len(whole) < len(kept):
        work.notice(
            "Units in units.jsonl that are damaged, or not of this run's problems and arms: "
            f"{len(kept) - len(whole)} of {len(kept)}."
        )
    summed_up = 0.0
    for key, start, chunk in _units(problems):
        if key not in whole:
            if work.stop.requested:
                raise Cancelled

            def on_progress(
                done: int, known: int, start: int = start, size: int = len(chunk)
            ) -> None:
                share = done / known if known else 0.0
                work.report(start + size * share, len(problems), "decoding all arms")

            records = intervene(
                lm, teacher, chunk, settings, cancel=work.stop.overdue, on_progress=on_progress
            )
            if records is None:
                raise Cancelled
            work.keep(key, [record.to_json() for record in records])
            if time.monotonic() - summed_up > _SO_FAR_SECONDS or work.stop.requested:
                _write_results(work, SO_FAR)
                summed_up = time.monotonic()
        work.report(start + len(chunk), len(problems), "decoding all arms")
    results = _write_results(work, RESULTS)
    work.write(TABLE, pd.DataFrame(results.to_rows()).to_csv(index=False))
    (run.folder / SO_FAR).unlink(missing_ok=True)


def run_models(run: Run) -> tuple[ModelSpec, str | None]:
    """The base of a run, and its teacher where it has one.

    Raises:
        RunError: the run's configuration names no model.
    """
    fields = dict(run.config.model)
    if fields.keys() != {"teacher", *ModelSpec.__annotations__}:
        raise RunError("This run's model can't be read.", "Set the run up anew.")
    try:
        teacher = _TEACHER.validate_python(fields.pop("teacher"))
        return _SPEC.validate_python(fields), teacher
    except ValidationError as error:
        raise RunError(
            f"This run's model can't be read ({_first(error)}).", "Set the run up anew."
        ) from error


def intervention_settings(run: Run) -> InterventionSettings:
    """The settings of a run.

    Raises:
        RunError: they can't be read, or are out of range.
    """
    return _settings(run.config.settings)


def intervention_records(run: Run) -> list[ProblemRecord]:
    """What a run has found so far, one record a problem, in the order of the problems. A unit
    that is damaged, or that belongs to other problems or arms, counts as not finished.

    Raises:
        RunError, ModelError, ProblemError: settings, models or problems of the run can't be read,
            or don't go together.
    """
    problems, units = run.problems(), run.units()
    arms = _arm_keys(run)
    return [
        record
        for key, _, chunk in _units(problems)
        for record in _whole(units.get(key), chunk, arms) or []
    ]


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
        RunError, SessionError: a damaged file.
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
    except (TypeError, SessionError):
        return None
    complete = [record.problem_id for record in records] == [problem.id for problem in problems]
    same_arms = all([chain.arm for chain in record.chains] == list(arms) for record in records)
    return records if complete and same_arms else None


def _write_results(work: Work, name: str) -> InterventionResults:
    results = summarise(intervention_records(work.run), work.run.config.seed)
    work.write(name, json.dumps(results.to_json(), ensure_ascii=False, indent=1) + "\n")
    return results


def _units(problems: Sequence[Problem]) -> Iterator[tuple[str, int, Sequence[Problem]]]:
    """Units of work: their keys, where they start, and their problems."""
    for number, start in enumerate(range(0, len(problems), _PROBLEMS_A_UNIT)):
        yield f"{number:06d}", start, problems[start : start + _PROBLEMS_A_UNIT]


_SPEC: TypeAdapter[ModelSpec] = TypeAdapter(ModelSpec)
_TEACHER: TypeAdapter[str | None] = TypeAdapter(str | None)


def _settings(values: Mapping[str, Any]) -> InterventionSettings:
    try:
        return InterventionSettings(**values)
    except ValidationError as error:
        raise RunError(f"A setting can't be used ({_first(error)}).", "Change it.") from error


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}" if place else str(first["msg"])
