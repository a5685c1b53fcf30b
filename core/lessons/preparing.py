"""The parts of a lesson that a model makes, one by one or all at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any, Literal

from core.lessons.chains import find_lesson_chains
from core.lessons.lesson import Lesson
from core.lessons.measuring import (
    Progress,
    decisive_samples,
    measure_control,
    measure_decisions,
    measure_tuning,
)
from core.lessons.settings import LessonSettings
from core.models.spec import DEMO
from core.problems.problem_sets import chosen_problems
from core.records import Problem
from core.runs.model_names import model_words

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

Part = Literal["chains", "control", "tuning", "decisions"]
"""A field of `Lesson`."""

PARTS: Mapping[Part, str] = {
    "chains": "Finding chains with forks",
    "control": "Forks against random tokens",
    "tuning": "What training changes",
    "decisions": "What two forks decide",
}
"""What is being done, in the order in which the parts are made."""

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
    name = model_words(lm.spec.model, lm.spec.adapter)
    made: Lesson | None = Lesson(name, lm.spec.model == DEMO, len(drawn), settings)
    for part, doing in PARTS.items():
        if made is None:
            return None
        if part == "tuning" and teacher is None:
            continue
        if part == "decisions" and (made.chains is None or made.chains.idle is None):
            continue

        def on_progress(done: int, total: int, doing: str = doing) -> None:
            report(doing, done, total)

        made = with_part(
            made, part, lm, drawn, teacher, teacher_name, on_progress=on_progress, cancel=cancel
        )
    return made


def with_part(
    lesson: Lesson,
    part: Part,
    lm: LanguageModel,
    problems: Sequence[Problem],
    teacher: LanguageModel | None = None,
    teacher_name: str = "",
    *,
    on_progress: Progress = lambda done, total: None,
    cancel: Callable[[], bool] = lambda: False,
) -> Lesson | None:
    """The lesson with one more part; None when cancelled.

    Args:
        lesson: on `lm`; for "decisions", with chains that have an idle fork.
        problems: all of which are used.
        teacher, teacher_name: for "tuning": a trained model, and its name as it is shown.
        on_progress: called with (done, planned).
        cancel: asked between tokens.

    Raises:
        ProblemError, PromptError, ModelError, ResourceError: as `find_lesson_chains` and the
            measurements.
    """
    settings = lesson.settings
    found: Any
    if part == "chains":
        found = find_lesson_chains(lm, problems, settings, on_progress=on_progress, cancel=cancel)
    elif part == "control":
        found = measure_control(lm, problems, settings, on_progress=on_progress, cancel=cancel)
    elif part == "tuning":
        assert teacher is not None
        found = measure_tuning(
            lm, teacher, teacher_name, problems, settings, on_progress=on_progress, cancel=cancel
        )
    else:
        chains = lesson.chains
        assert chains is not None
        total, done = decisive_samples(chains, settings.samples), count(1)
        found = measure_decisions(
            lm,
            chains,
            samples=settings.samples,
            cancel=cancel,
            on_ending=lambda: on_progress(next(done), total),
        )
    return None if found is None else replace(lesson, **{part: found})


def lesson_problems(problems: Sequence[Problem], settings: LessonSettings) -> Sequence[Problem]:
    """The problems of a lesson: a sample drawn by the seed, or all if there are fewer.

    Raises:
        ProblemError: there are none.
    """
    sample = None if settings.sample >= len(problems) else settings.sample
    return chosen_problems(problems, sample, settings.seed)
