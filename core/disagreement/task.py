"""A comparison as a run: prepared once, carried out unit by unit, summed up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd
from pydantic import Field

from core.chains.judging import check_golds, judge_completions
from core.chains.prompting import PromptSettings, check_prompts, problem_prompt
from core.decoding.loop import DEFAULT_BATCH_SIZE, Row, decode
from core.disagreement.records import ComparedChain, TeacherView
from core.disagreement.results import CompareResults, summarise_comparison
from core.disagreement.token_classes import disagree
from core.errors import FileError, ModelError, RunError
from core.models.language_model import LanguageModel
from core.models.spec import ModelSpec, absolute_name, check_spec, teacher_spec
from core.models.teacher import check_vocabularies
from core.problems.problem_sets import chosen_problems
from core.records import Problem, Sampler, StopReason, floats
from core.runs.config import Prepared
from core.runs.models import load_run_model, load_run_teacher, model_fields, read_model
from core.runs.problem_units import kept_records, work_through
from core.runs.run import Run
from core.runs.settings import checked_settings
from core.system.json_text import json_text

if TYPE_CHECKING:
    from core.runs.work import Work

TASK = "compare"
RESULTS, TABLE, SO_FAR = "results.json", "results.csv", "so_far.json"
MAX_TEACHERS = 8


class CompareSettings(PromptSettings):
    """How the base's chains are made (greedily, as in the paper) and summed up."""

    tau: float = Field(1.2, ge=0, le=100, allow_inf_nan=False)  # nats
    seed: int = Field(0, ge=0)  # of the sample of problems and of the bootstraps
    batch_size: int = Field(DEFAULT_BATCH_SIZE, ge=1, le=4096)


def plan_comparison(
    spec: ModelSpec,
    problems: Sequence[Problem],
    settings: Mapping[str, Any],
    *,
    teachers: Sequence[str],
    sample: int | None = None,
) -> Prepared:
    """What a run is made of; nothing is worked on yet.

    Args:
        spec: the base.
        problems: the problem set, of which the run keeps a copy.
        settings: fields of `CompareSettings`.
        teachers: adapter folders for the base's model, or other models; all are compared with
            the same chains.
        sample: so many of the problems, drawn by the seed; all when None.

    Raises:
        RunError: settings out of range.
        ModelError: no teacher, too many, or a model that is not there.
        ProblemError: no problems, or more asked for than there are.
    """
    checked = checked_settings(CompareSettings, settings)
    problems = chosen_problems(problems, sample, checked.seed)
    if not 0 < len(teachers) <= MAX_TEACHERS:
        raise ModelError(
            f"There are {len(teachers)} teachers to compare the base with.",
            f"Name 1 to {MAX_TEACHERS}: models, or folders of LoRA adapters.",
        )
    model = model_fields(spec)
    for teacher in teachers:
        check_spec(teacher_spec(spec, teacher))
    return Prepared(
        settings=checked.model_dump(mode="json"),
        model={**model, "teachers": [absolute_name(teacher) for teacher in teachers]},
        seed=checked.seed,
        problems=problems,
    )


def run_comparison(work: Work, *, trust_remote_code: bool = False) -> None:
    """Carry a prepared run out.

    Args:
        work: the run.
        trust_remote_code: whether the base's own Python code may run. A run's folder may come
            from elsewhere: what it says of this is a wish, never the permission.

    Raises:
        Cancelled: when a stop is requested.
        ExplorerError: models, problems or settings that don't go together; memory or disk full.
    """
    run = work.run
    settings = compare_settings(run)
    problems = run.problems()
    work.report(0, len(problems), "loading the models")
    spec, names = compared_models(run)
    lm = load_run_model(work, spec, trust_remote_code=trust_remote_code)
    teachers = [load_run_teacher(work, lm, teacher_spec(spec, name)) for name in names]
    check_golds(problems)
    for teacher in teachers:
        check_vocabularies(lm, teacher)
    context = min(each.context_length for each in (lm, *teachers))
    check_prompts(lm, problems, settings, context)

    def solve(
        unit: Sequence[Problem], on_progress: Callable[[int, int], None]
    ) -> list[dict[str, Any]] | None:
        records = compare_chains(
            lm, teachers, unit, settings, cancel=work.stop.overdue, on_progress=on_progress
        )
        return None if records is None else [record.to_json() for record in records]

    work_through(
        work,
        problems,
        solve,
        partial(_whole, teachers=len(teachers)),
        doing="reading the base's chains with every model",
        belonging="problems and teachers",
        sum_up=partial(_write_results, work, SO_FAR),
    )
    results = _write_results(work, RESULTS)
    work.write(TABLE, pd.DataFrame(results.to_rows()).to_csv(index=False))
    (run.folder / SO_FAR).unlink(missing_ok=True)


def compare_chains(
    lm: LanguageModel,
    teachers: Sequence[LanguageModel],
    problems: Sequence[Problem],
    settings: CompareSettings,
    *,
    cancel: Callable[[], bool] = lambda: False,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[ComparedChain] | None:
    """The base's greedy chains, and every teacher's view of them, one record a problem.

    Args:
        cancel: asked between tokens and between chains.
        on_progress: told (steps done, steps in all): one a chain made, one a chain and teacher.

    Returns:
        One record a problem, in order; None when cancelled.

    Raises:
        ModelError, PromptError, PositionError: as `disagree`.
        ResourceError: as `decode` and the answer checker.
    """
    prompts = [problem_prompt(lm, problem, settings) for problem in problems]
    steps, done = len(problems) * (1 + len(teachers)), 0

    def one_more() -> None:
        nonlocal done
        done += 1
        on_progress(done, steps)

    chains = decode(
        lm,
        [Row(prompt) for prompt in prompts],
        Sampler(max_new_tokens=settings.max_new_tokens),
        k=1,
        batch_size=settings.batch_size,
        on_row=lambda *_: one_more(),
        cancel=cancel,
    )
    if any(chain.stop_reason is StopReason.CANCELLED for chain in chains):
        return None
    outcomes = judge_completions(
        lm,
        [chain.token_ids for chain in chains],
        [problem.answer for problem in problems],
        prompts,
    )
    records = []
    for problem, prompt, chain, outcome in zip(problems, prompts, chains, outcomes, strict=True):
        views = []
        for teacher in teachers:
            if cancel():
                return None
            found = disagree(lm, teacher, prompt, chain.token_ids)
            views.append(
                TeacherView(
                    tuple(found.teacher_argmax.tolist()),
                    tuple(found.base_rank.tolist()),
                    tuple(floats(found.js_divergence)),
                )
            )
            one_more()
        records.append(
            ComparedChain(
                problem.id,
                prompt,
                chain.token_ids,
                chain.stop_reason,
                outcome.answer,
                outcome.verdict,
                tuple(floats(found.base.entropy)),
                tuple(found.base_argmax.tolist()),
                tuple(views),
            )
        )
    return records


def compared_models(run: Run) -> tuple[ModelSpec, list[str]]:
    """The base of a run, and its teachers.

    Raises:
        RunError: the run's configuration names none.
    """
    fields = dict(run.config.model)
    teachers = fields.pop("teachers", None)
    if not isinstance(teachers, list) or not all(isinstance(each, str) for each in teachers):
        raise RunError("This run's models can't be read (teachers).", "Set the run up anew.")
    return read_model(fields), teachers


def compare_settings(run: Run) -> CompareSettings:
    """The settings of a run.

    Raises:
        RunError: they can't be read, or are out of range.
    """
    return checked_settings(CompareSettings, run.config.settings)


def compared_chains(run: Run) -> list[ComparedChain]:
    """What a run has compared so far, one record a problem, in the order of the problems. A unit
    that is damaged, or that belongs to other problems, counts as not finished.

    Raises:
        RunError, ProblemError: models or problems of the run can't be read.
    """
    read = partial(_whole, teachers=len(compared_models(run)[1]))
    return kept_records(run.problems(), run.units(), read)


def compare_results(run: Run) -> CompareResults | None:
    """A run's figures; of the problems done so far while it is not finished, None before that.

    Raises:
        RunError, FileError: a damaged file.
    """
    data = run.read_json(RESULTS) or run.read_json(SO_FAR)
    return None if data is None else CompareResults.from_json(data)


def _whole(unit: Any, problems: Sequence[Problem], teachers: int) -> list[ComparedChain] | None:
    """The records of a unit; None when it isn't there, or isn't all that it should be."""
    try:
        records = [ComparedChain.from_json(each) for each in unit]
    except (TypeError, FileError):
        return None
    complete = [record.problem_id for record in records] == [problem.id for problem in problems]
    return records if complete and all(len(r.views) == teachers for r in records) else None


def _write_results(work: Work, name: str) -> CompareResults:
    settings = compare_settings(work.run)
    results = summarise_comparison(
        compared_chains(work.run), compared_models(work.run)[1], settings.tau, settings.seed
    )
    work.write(name, json_text(results.to_json(), indent=1) + "\n")
    return results
