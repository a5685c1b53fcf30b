"""What claims are checked on: a model, its teacher, a problem set, and the runs that are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from core.claims.sizes import Size
from core.errors import ExplorerError, ProblemError
from core.models.spec import DEMO, DEMO_TEACHER, ModelSpec, absolute_name
from core.problems.problem_sets import NAMED_SETS, read_problems
from core.records import Problem
from core.runs.models import read_model
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.runs.status import RunState

TRAINING_SETS = {"demo": "demo-train", "word-problems": "word-problems-train"}
"""Of the explorer's own sets: the problems to learn from."""


@dataclass(frozen=True)
class Scope:
    """What claims are checked on.

    Attributes:
        spec: the model.
        teacher: a model trained from it: the folder of an adapter, or a model's name; None: the
            claims that need one aren't measured.
        set_name: of the problems, or the path of their file.
        problems: to measure on.
        training_name: of the problems to learn from; "" without any.
        training: these problems.
        size: of new runs.
        runs: of this model, newest first.
        finished: ids of those that are done.
    """

    spec: ModelSpec
    teacher: str | None
    set_name: str
    problems: Sequence[Problem]
    training_name: str
    training: Sequence[Problem]
    size: Size
    runs: tuple[Run, ...]
    finished: frozenset[str]

    @property
    def sample(self) -> int | None:
        """Number of problems to draw for a new run; None for all."""
        wanted = self.size.problems
        return None if wanted is None or wanted >= len(self.problems) else wanted


@dataclass(frozen=True)
class ProblemSet:
    """Problems, and what they are called: a set that comes with the explorer, or a file."""

    name: str
    problems: Sequence[Problem]


def default_set(spec: ModelSpec) -> str:
    """The problems that a model is measured on where none are named."""
    return "demo" if spec.model == DEMO else "word-problems"


def own_set(name: str) -> ProblemSet:
    """One of the sets that come with the explorer.

    Raises:
        ProblemError: it isn't there, or can't be read.
    """
    return ProblemSet(name, read_problems(NAMED_SETS[name]))


def scope_of(
    folder: RunsFolder,
    spec: ModelSpec,
    size: Size,
    *,
    teacher: str | None = None,
    problems: ProblemSet | None = None,
    training: ProblemSet | None = None,
) -> Scope:
    """The scope of a model.

    Args:
        folder: of the runs.
        spec: the model.
        size: of new runs.
        teacher: by default the demo's own for the demo.
        problems: by default those of `default_set`.
        training: to learn from; by default those that belong to the set.

    Raises:
        ProblemError: problems can't be read.
        RunError: the folder can't be read.
    """
    measured = problems or own_set(default_set(spec))
    partner = TRAINING_SETS.get(measured.name)
    learned = training or (ProblemSet("", ()) if partner is None else own_set(partner))
    if teacher is None and spec.model == DEMO:
        teacher = DEMO_TEACHER
    runs = tuple(run for run in folder.list() if _is_of(run, spec))
    return Scope(
        spec,
        None if teacher is None else absolute_name(teacher),
        measured.name,
        measured.problems,
        learned.name,
        learned.problems,
        size,
        runs,
        frozenset(run.id for run in runs if run.status().state is RunState.DONE),
    )


def problems_of(run: Run, purpose: str = "") -> tuple[Problem, ...]:
    """The problems of a run, which never change; empty where they can't be read."""
    return _problems(str(run.folder), run.config.created, purpose)


def are_among(problems: Sequence[Problem], whole: Sequence[Problem]) -> bool:
    """Whether a set contains all of these problems, at least one, with the same text."""
    known, asked = (
        {(each.id, each.question, each.answer) for each in some} for some in (whole, problems)
    )
    return bool(asked) and asked <= known


@lru_cache(maxsize=500)
def _problems(folder: str, created: str, purpose: str) -> tuple[Problem, ...]:
    try:
        return tuple(Run.open(Path(folder)).problems(purpose))
    except (ExplorerError, OSError):
        return ()


def _is_of(run: Run, spec: ModelSpec) -> bool:
    """Whether a run is of a model: its device and precision may differ."""
    try:
        own = read_model(run.config.model)
    except ExplorerError:
        return False
    adapter = None if spec.adapter is None else absolute_name(spec.adapter)
    return (own.model, own.adapter, own.revision, own.quantization) == (
        absolute_name(spec.model),
        adapter,
        spec.revision,
        spec.quantization,
    )


def check_training(scope: Scope) -> None:
    """Refuse a scope without problems to learn from.

    Raises:
        ProblemError: there are none.
    """
    if not scope.training:
        own = ", ".join(name for name in NAMED_SETS if name in TRAINING_SETS)
        raise ProblemError(
            f"There are no problems to learn from beside {Path(scope.set_name).name}.",
            f"Name some that are not among them, or measure on one of {own}.",
        )
