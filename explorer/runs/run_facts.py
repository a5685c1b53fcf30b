"""What the list says of a run beside its state: model, problem set, size, result."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import streamlit as st

from core.errors import ExplorerError
from core.kinds import KINDS
from core.problems.set_name import set_name
from core.runs.headline import Headline
from core.runs.kind import RESULTS, SO_FAR
from core.runs.run import Run
from core.side_by_side import headline_of
from explorer.shared.figures import changed_at
from explorer.shared.model_chip import model_words
from explorer.tasks import Task

_RUNS = 2000  # whose facts are kept
_GRACE = 0.2  # seconds that a page waits for kinds that are almost loaded


@dataclass(frozen=True)
class RunFacts:
    """Facts of one run.

    `n` counts the problems; `headline` is None before there are results, until `kinds_are_loaded`,
    and where results can't be read, which the run's page says.
    """

    model: str
    problem_set: str
    n: int
    headline: Headline | None


def kinds_are_loaded() -> bool:
    """Whether headlines can be read: the code of training takes seconds to import, and the page
    doesn't wait for it. The first call begins to."""
    return _loading().wait(_GRACE)


@st.cache_resource(show_spinner=False)
def _loading() -> Task:
    def load(task: Task) -> None:
        for entry in KINDS.values():
            entry.load()

    return Task("Loading the kinds of runs", load)


def run_facts(run: Run) -> RunFacts:
    """The facts of a run; read again when its files change."""
    problem_set, n = _problems(str(run.folder), changed_at(run.folder / "problems.jsonl"))
    return RunFacts(
        _model(run),
        problem_set,
        n,
        _headline(
            str(run.folder),
            run.config.task,
            changed_at(run.folder / RESULTS),
            changed_at(run.folder / SO_FAR),
        )
        if not _loading().running
        else None,
    )


def _model(run: Run) -> str:
    """The model and its adapter; for a run with teachers, these too."""
    model, adapter = run.config.model.get("model"), run.config.model.get("adapter")
    if not isinstance(model, str) or not (adapter is None or isinstance(adapter, str)):
        return ""
    teachers = [_teacher(each) for each in run.config.teachers]
    return " v ".join([model_words(model, adapter), *teachers])


def _teacher(name: str) -> str:
    return model_words(name, None)


@lru_cache(_RUNS)
def _problems(folder: str, changed: int) -> tuple[str, int]:
    """Name and size of a run's problem set; `changed` is when its file was."""
    try:
        problems = Run.open(Path(folder)).problems()
    except ExplorerError:
        return "", 0
    return set_name(problems), len(problems)


@lru_cache(_RUNS)
def _headline(folder: str, task: str, changed: int, so_far_changed: int) -> Headline | None:
    """A run's result; the numbers are when its files were changed."""
    if task not in KINDS or not (changed or so_far_changed):
        return None
    try:
        return headline_of(Run.open(Path(folder)))
    except ExplorerError:
        return None
