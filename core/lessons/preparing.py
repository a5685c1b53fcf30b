"""A whole lesson made at once: its chains chosen, its figures measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from core.lessons.chains import find_lesson_chains
from core.lessons.lesson import Lesson
from core.lessons.measuring import measure_control, measure_decisions, measure_tuning
from core.lessons.settings import LessonSettings
from core.models.spec import DEMO
from core.problems.problem_sets import chosen_problems
from core.records import Problem
from core.runs.model_names import model_words

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

Report = Callable[[str, int, int], None]
"""Called with what is being done, and how much of it is done of how much."""


def prepare_lesson(
    lm: LanguageModel,
    teacher: LanguageModel | None,
    problems: Sequence[Problem],
    settings: LessonSettings,
    *,
    teacher_name: str = "",
    report: Report = lambda doing, done, total: None,
    cancel: Callable[[], bool] = lambda: False,
) -> Lesson | None:
    """Choose the chains and measure the figures of a lesson.

    Args:
        teacher: a trained model; None leaves that step out.
        problems: of which the settings take a sample.
        teacher_name: as it is shown.
        cancel: asked between tokens.

    Returns:
        The lesson; None when cancelled.

    Raises:
        ProblemError: there are no problems, or some without a readable gold answer.
        PromptError, ModelError, ResourceError: as `find_lesson_chains` and the measurements.
    """
    drawn = lesson_problems(problems, settings)
    chains = find_lesson_chains(
        lm, drawn, settings, on_progress=lambda *at: report("Finding chains", *at), cancel=cancel
    )
    if chains is None:
        return None
    control = measure_control(
        lm,
        drawn,
        settings,
        on_progress=lambda *at: report("Forks against random tokens", *at),
        cancel=cancel,
    )
    if control is None:
        return None
    tuning = None
    if teacher is not None:
        tuning = measure_tuning(
            lm,
            teacher,
            teacher_name,
            drawn,
            settings,
            on_progress=lambda *at: report("What training changes", *at),
            cancel=cancel,
        )
        if tuning is None:
            return None
    decisions = None
    if chains.idle is not None:
        total, done = (
            settings.samples
            * sum(len(each.endings) for each in (chains.idle, chains.fork) if each),
            0,
        )

        def one_more() -> None:
            nonlocal done
            done += 1
            report("What two forks decide", done, total)

        decisions = measure_decisions(
            lm, chains, samples=settings.samples, cancel=cancel, on_ending=one_more
        )
        if decisions is None:
            return None
    spec = lm.spec
    return Lesson(
        model_words(spec.model, spec.adapter),
        spec.model == DEMO,
        len(drawn),
        settings,
        chains,
        control,
        tuning,
        decisions,
    )


def lesson_problems(problems: Sequence[Problem], settings: LessonSettings) -> Sequence[Problem]:
    """The problems of a lesson: a sample drawn by the seed, or all if there are fewer.

    Raises:
        ProblemError: there are none.
    """
    sample = None if settings.sample >= len(problems) else settings.sample
    return chosen_problems(problems, sample, settings.seed)
