"""Comparison as a kind of run: its plan, the work on a unit, its `Kind`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core.chains.judging import check_golds, judge_completions
from core.chains.prompting import check_prompts, problem_prompt
from core.chains.run_on import decode_answers
from core.decoding.loop import Row
from core.disagreement.estimate import estimate_comparison
from core.disagreement.headline import compare_headline
from core.disagreement.records import ComparedChain, TeacherView
from core.disagreement.results import CompareResults, summarise_comparison
from core.disagreement.settings import CompareSettings
from core.disagreement.token_classes import Disagreement, disagree
from core.errors import ModelError, RunError
from core.models.language_model import LanguageModel
from core.models.prefix_store import PrefixStore
from core.models.spec import ModelSpec, absolute_name, check_spec, teacher_spec
from core.models.teacher import check_vocabularies
from core.problems.problem_sets import chosen_problems
from core.records import Problem, Sampler, floats
from core.runs.config import RunPlan
from core.runs.kind import Kind, RunModels
from core.runs.models import base_and_teachers, model_fields
from core.runs.run import Run
from core.runs.settings import checked_settings

MAX_TEACHERS = 8
_STORED = 128 * 2**20  # bytes of a model's prompts: a few are enough


def plan_comparison(
    spec: ModelSpec,
    problems: Sequence[Problem],
    settings: Mapping[str, Any],
    *,
    teachers: Sequence[str],
    sample: int | None = None,
) -> RunPlan:
    """The plan of a run, checked before any work.

    Args:
        spec: the base.
        problems: the problem set, of which the run keeps a copy.
        settings: fields of `CompareSettings`.
        teachers: adapter folders for the base's model, or other models; all are compared with
            the same chains.
        sample: number of problems to draw by the seed; None takes all.

    Raises:
        RunError: settings out of range.
        ModelError: no teacher, too many, or a missing model.
        ProblemError: no problems, or more asked for than there are.
    """
    checked = checked_settings(CompareSettings, settings)
    problems = chosen_problems(problems, sample, checked.seed)
    if checked.along == "teacher" and len(teachers) > 1:
        raise ModelError(
            f"Each of the {len(teachers)} teachers would write other chains.",
            "Name one teacher, or compare along the base's chains.",
        )
    if not 0 < len(teachers) <= MAX_TEACHERS:
        raise ModelError(
            f"There are {len(teachers)} teachers to compare the base with.",
            f"Name 1 to {MAX_TEACHERS}: models, or folders of LoRA adapters.",
        )
    model = model_fields(spec)
    for teacher in teachers:
        check_spec(teacher_spec(spec, teacher))
    return RunPlan(
        settings=checked.model_dump(mode="json"),
        model=model,
        teachers=[absolute_name(teacher) for teacher in teachers],
        seed=checked.seed,
        problems=problems,
    )


def compare_chains(
    lm: LanguageModel,
    teachers: Sequence[LanguageModel],
    problems: Sequence[Problem],
    settings: CompareSettings,
    *,
    cancel: Callable[[], bool] = lambda: False,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[ComparedChain] | None:
    """Greedy chains of the base, or of its only teacher, and every teacher's view of them, one
    record a problem.

    Args:
        cancel: asked between tokens and between chains.
        on_progress: called with (steps done, steps in all): one for each chain, and one for each
            chain and teacher.

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

    rows = [Row(prompt) for prompt in prompts]
    writer = lm if settings.along == "base" else teachers[0]
    chains = decode_answers(
        writer,
        rows,
        settings,
        Sampler(max_new_tokens=settings.max_new_tokens),
        batch_size=settings.batch_size,
        on_row=lambda *_: one_more(),
        cancel=cancel,
    )
    if chains is None:
        return None
    outcomes = judge_completions(
        lm,
        [chain.token_ids for chain in chains],
        [problem.answer for problem in problems],
        prompts,
    )
    records = []
    # Prompts begin alike, and the base reads each once more for every teacher.
    own, theirs = PrefixStore(_STORED), [PrefixStore(_STORED) for _ in teachers]
    for problem, prompt, chain, outcome in zip(problems, prompts, chains, outcomes, strict=True):
        views = []
        for teacher, store in zip(teachers, theirs, strict=True):
            if cancel():
                return None
            found = disagree(lm, teacher, prompt, chain.token_ids, stores=(own, store))
            views.append(
                TeacherView(
                    tuple(found.teacher_argmax.tolist()),
                    tuple(found.base_rank.tolist()),
                    tuple(floats(found.js_divergence)),
                    tuple(floats(found.teacher.entropy)),
                    tuple(_overlap(found)),
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


def _overlap(found: Disagreement) -> list[int]:
    """The number of tokens in both models' top 5, (T,)."""
    pairs = zip(found.base.top_ids.tolist(), found.teacher.top_ids.tolist(), strict=True)
    return [len(set(ours) & set(theirs)) for ours, theirs in pairs]


def compared_models(run: Run) -> tuple[ModelSpec, list[str]]:
    """The base of a run, and its teachers.

    Raises:
        RunError: the run has no teacher.
    """
    base, teachers = base_and_teachers(run)
    if not teachers:
        raise RunError("This run has no teacher.", "Prepare a new run.")
    return base, teachers


def _check(models: RunModels, problems: Sequence[Problem], settings: CompareSettings) -> None:
    check_golds(problems)
    for teacher in models.teachers:
        check_vocabularies(models.base, teacher)
    context = min(each.context_length for each in (models.base, *models.teachers))
    check_prompts(models.base, problems, settings, context)


def _has_its_teachers(run: Run) -> Callable[[ComparedChain], bool]:
    _, teachers = compared_models(run)
    return lambda record: len(record.views) == len(teachers)


def _summarise(run: Run, records: Sequence[ComparedChain], finished: bool) -> CompareResults:
    settings = COMPARE.settings_of(run)
    _, teachers = compared_models(run)
    return summarise_comparison(records, teachers, settings.tau, settings.seed, settings.along)


_DOING = "reading the base's chains with every model"

COMPARE = Kind(
    name="compare",
    settings=CompareSettings,
    record=ComparedChain,
    results=CompareResults,
    doing=_DOING,
    belonging="problems and teachers",
    check=_check,
    solve=lambda models, unit, settings, cancel, on_progress: compare_chains(
        models.base, models.teachers, unit, settings, cancel=cancel, on_progress=on_progress
    ),
    complete=_has_its_teachers,
    summarise=_summarise,
    estimate=lambda meter, plan, settings: estimate_comparison(meter, plan, settings, _DOING),
    headline=compare_headline,
)
"""Greedy chains, scored by the base and every teacher: where do they prefer another token?"""
