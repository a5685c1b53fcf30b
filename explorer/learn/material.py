"""What a lesson shows of a model: made once per server, for all sessions together."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import asdict

import streamlit as st

from core.errors import ExplorerError
from core.lessons.lesson import Lesson
from core.lessons.preparing import PARTS, Part, lesson_problems, with_part
from core.lessons.settings import LessonSettings
from core.models.spec import DEMO, ModelSpec, teacher_spec
from core.records import Problem
from core.system.json_text import json_text
from explorer.shared.model_chip import model_words
from explorer.tasks import Task
from explorer.workbench import workbench

_KEPT = 8  # lessons of a server


class Material:
    """A lesson on one model that grows part by part; any thread may call it.

    Args:
        name: tells it from lessons on other models, problems or settings.
        problems: all of which are used.
    """

    def __init__(
        self, name: str, spec: ModelSpec, problems: Sequence[Problem], settings: LessonSettings
    ) -> None:
        self.name, self.spec = name, spec
        self._problems = problems
        self._lock = threading.Lock()
        self.task: Task | None = None
        self.doing: Part | None = None
        self.lesson = Lesson(
            model_words(spec.model, spec.adapter),
            spec.model == DEMO,
            len(self._problems),
            settings,
        )
        self.taught_by: str | None = None  # the trained model of the lesson's `tuning`

    @property
    def busy(self) -> bool:
        """Whether a part is being made."""
        return self.task is not None and self.task.running

    @property
    def error(self) -> ExplorerError | None:
        """Why the last part could not be made."""
        return None if self.task is None or self.task.running else self.task.error

    def has(self, part: Part) -> bool:
        """Whether a part is there."""
        return getattr(self.lesson, part) is not None

    def start(self, part: Part, teacher: str = "") -> None:
        """Begin to make a part, unless another one is being made.

        Args:
            teacher: the name of the trained model, for "tuning".
        """

        def make(task: Task) -> None:
            lm = workbench().model(self.spec)
            tuned = workbench().teacher(lm, teacher_spec(self.spec, teacher)) if teacher else None
            task.label = PARTS[part]

            def report(done: int, total: int) -> None:
                task.total = max(total, done)
                task.done = done

            made = with_part(
                self.lesson,
                part,
                lm,
                self._problems,
                tuned,
                teacher,
                on_progress=report,
                cancel=task.cancelled,
            )
            if made is not None:
                if part == "tuning":
                    self.taught_by = teacher
                self.lesson = made

        with self._lock:
            if not self.busy:
                self.doing = part
                self.task = Task("Loading the model", make)
                self.task.unit = "steps"

    def cancel(self) -> None:
        """Stop at the next token."""
        if self.task is not None:
            self.task.cancel()


def material(spec: ModelSpec, problems: Sequence[Problem], settings: LessonSettings) -> Material:
    """The lesson on a model, the same object for equal arguments. Problems are compared by what
    they are: sets that people upload may have the same name.

    Raises:
        ProblemError: there are no problems.
    """
    drawn = lesson_problems(problems, settings)
    known = json_text([settings.model_dump(mode="json"), *map(asdict, drawn)])
    return _material(spec, known, drawn, settings)


@st.cache_resource(show_spinner=False, max_entries=_KEPT)
def _material(
    spec: ModelSpec,
    known: str,
    _problems: Sequence[Problem],
    _settings: LessonSettings,
) -> Material:
    name = f"{spec.model} {hashlib.sha256(f'{spec} {known}'.encode()).hexdigest()[:8]}"
    return Material(name, spec, _problems, _settings)
