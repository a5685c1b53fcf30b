"""Which problems the command of a run names: a set that comes with the explorer, or a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import ExplorerError
from core.runs.config import new_config
from core.runs.run import Run

if TYPE_CHECKING:
    from core.records import Problem
    from core.runs.config import RunPlan

PLACEHOLDER = "PROBLEMS.jsonl"
"""In place of a file of problems that a run doesn't keep as a whole."""


class PlannedRun(Run):
    """A run that has no folder yet."""

    def __init__(self, task: str, plan: RunPlan, sets: Mapping[str, Sequence[Problem]]) -> None:
        super().__init__(Path(PLACEHOLDER), new_config(task, plan, ""))
        self._plan, self.sets = plan, sets

    def problems(self, purpose: str = "") -> list[Problem]:
        """The problem set of the plan, or a further one."""
        return list(self._plan.more_problems.get(purpose, ()) if purpose else self._plan.problems)


def drawn_problems(run: Run) -> Iterator[str]:
    """The options for the problems of a run that draws a number of them by its seed: a set that
    comes with the explorer, else the run's own file.

    Raises:
        ProblemError: the run's problems can't be read.
    """
    from core.problems.problem_sets import sample_problems

    shard, seed = run.config.shard, run.config.seed
    count = len(run.problems()) if shard is None else shard.problems
    for name, known in _known_sets(run):
        if 0 < count <= len(known) and _is_whole(run, sample_problems(known, count, seed)):
            yield from ("--problems", name)
            if count < len(known):
                yield from ("--sample", str(count))
            return
    yield from ("--problems", _own_file(run, "") if shard is None else PLACEHOLDER)


def _is_whole(run: Run, problems: Sequence[Problem]) -> bool:
    """Whether these are the problems of a run, or of the whole that it is a shard of."""
    from core.runs.shards import problems_digest

    shard = run.config.shard
    if shard is None:
        return list(problems) == run.problems()
    return problems_digest(problems) == shard.digest


def set_of(run: Run, purpose: str, count: int | None) -> str:
    """The set that a training's problems were drawn from, else the run's own file of them.

    Args:
        purpose: which of the run's problem sets.
        count: how many are drawn at the most; None: all.

    Raises:
        ProblemError: the run's problems can't be read.
    """
    from core.lora.plan import drawn

    problems = run.problems(purpose)
    for name, known in _known_sets(run):
        if list(drawn(known, count, run.config.seed)) == problems:
            return name
    return _own_file(run, purpose)


def split_set(run: Run) -> str:
    """The set whose problems were split into those of a training and those held out.

    Raises:
        ProblemError, RunError: the run's problems or recipe can't be read.
    """
    from core.reasonmaxxer.plan import split_problems
    from core.reasonmaxxer.results import HELD_OUT, run_recipe

    recipe, aside = run_recipe(run), run.problems(HELD_OUT)
    for name, known in _known_sets(run):
        learned, held_out = split_problems(known, recipe)
        if list(held_out) == aside and _is_whole(run, learned):
            return name
    return PLACEHOLDER


def aside_set(run: Run) -> str:
    """The set whose problems were split into the teacher's and those held out, by a study of
    distillations.

    Raises:
        ProblemError, RunError: the run's problems or settings can't be read.
    """
    from core.reasonmaxxer.plan import set_aside
    from core.reasonmaxxer.results import HELD_OUT
    from core.studies.distillations import DISTILL_STUDY

    recipe, wanted = DISTILL_STUDY.settings_of(run), (run.problems(), run.problems(HELD_OUT))
    for name, known in _known_sets(run):
        parts = set_aside(known, recipe.held_out.problems, recipe.problems, recipe.seed)
        if tuple(map(list, parts)) == wanted:
            return name
    return PLACEHOLDER


def _own_file(run: Run, purpose: str) -> str:
    if isinstance(run, PlannedRun):
        return PLACEHOLDER
    return str(run.problems_path(purpose).resolve())


def _known_sets(run: Run) -> Iterator[tuple[str, list[Problem]]]:
    """The sets that come with the explorer; one whose file is missing is left out. Of a planned run
    also those that were named."""
    from core.problems.problem_sets import NAMED_SETS, read_problems

    if isinstance(run, PlannedRun):
        yield from ((name, list(known)) for name, known in run.sets.items())

    for name, path in NAMED_SETS.items():
        try:
            yield name, read_problems(path)
        except ExplorerError:
            continue
