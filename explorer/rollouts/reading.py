"""What is on screen of a file: its rollouts, and what the loaded model says of them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import streamlit as st

from core.imports.kept_files import KeptFile
from core.imports.listing import Line, above_tau, checked_correct, lines
from core.imports.reading import read_rollouts
from core.imports.records import RolloutTable
from core.imports.scores import Scores, scores_path
from core.models.spec import ModelSpec
from core.statistics import Estimate
from explorer.components.row_table import RowTable
from explorer.rollouts.tables import problems_table, rollout_table, shared_start
from explorer.state import Unit
from explorer.tasks import Task
from explorer.workbench import workbench

Fields = tuple[tuple[str, str | None], ...]
"""The fields of roles that a person has changed; None: the role has none."""

_STEPS = 20  # redraws of a long table while it is scored
_END = 5.0  # seconds for the rollout that is being scored
_FEW = 500  # rollouts whose table is redrawn after each
_KEPT = 8  # scorings in memory that nothing is done with; all are on the disk


@dataclass
class Scoring:
    """Scores of one reading of a file by one model, and the work that makes them."""

    scores: Scores
    task: Task | None = None

    @property
    def running(self) -> bool:
        """Whether rollouts are being scored."""
        return self.task is not None and self.task.running

    def version(self, count: int) -> int:
        """Changes when the table of `count` rollouts should be drawn again."""
        known = len(self.scores.found)
        if count <= _FEW or not self.running:
            return known
        return known * _STEPS // count - count  # negative: never that of a finished one


class Scorings:
    """The server's scorings: they go on without a page."""

    def __init__(self) -> None:
        self._known: OrderedDict[Path, Scoring] = OrderedDict()  # the last used at the end
        self._lock = threading.Lock()

    def of(self, kept: KeptFile, table: RolloutTable, spec: ModelSpec) -> Scoring:
        """The scoring of a file by a model; what was scored on another day is read.

        Raises:
            ResourceError: its file can't be read.
        """
        path = scores_path(kept, table.mapping, spec)
        with self._lock:
            if path not in self._known:
                self._known[path] = Scoring(Scores(path))
                self._drop_idle()
            self._known.move_to_end(path)
            return self._known[path]

    def _drop_idle(self) -> None:
        """Keep those at work and the last ones used; the others are read again when needed."""
        idle = [path for path, each in self._known.items() if not each.running]
        for path in idle[:-_KEPT]:
            del self._known[path]

    def start(self, scoring: Scoring, table: RolloutTable, spec: ModelSpec) -> None:
        """Score the rollouts that have no score yet."""

        def work(task: Task) -> None:
            lm = workbench().model(spec)
            task.label, task.unit = "Scoring", "rollouts"
            task.total = len(table.rollouts)
            task.done = task.before = len(scoring.scores.found)
            if not task.cancelled():  # while the model was loaded
                scores = scoring.scores
                scores.score_missing(lm, table.rollouts, done=task.count, cancel=task.cancelled)

        with self._lock:  # a page may hold one that was dropped meanwhile
            scoring = self._known.setdefault(scoring.scores.path, scoring)
            if not scoring.running:
                scoring.task = Task("Loading the model", work)

    def forget(self, kept: KeptFile) -> None:
        """Stop the scorings of a file that is removed, and drop their scores."""
        with self._lock:
            own = [path for path in self._known if path.parent == kept.path.parent]
            tasks = [task for path in own if (task := self._known.pop(path).task) is not None]
        for task in tasks:
            task.cancel()
        for task in tasks:
            task.wait(_END)  # what is written into a folder keeps it from being removed


@st.cache_resource(show_spinner=False)
def scorings() -> Scorings:
    """The server's scorings."""
    return Scorings()


@st.cache_resource(show_spinner="Reading the file", max_entries=4)
def read_kept(path: Path, fields: Fields) -> RolloutTable:
    """The rollouts of a kept file.

    Raises:
        FileError, ProblemError, ResourceError: as `read_rollouts`.
    """
    return read_rollouts(path, dict(fields))


@dataclass(frozen=True, eq=False)
class ReadRollouts:
    """The lines of a file's rollouts with their scores, and what is made of all of them: once, not
    at every draw of a page that polls."""

    lines: list[Line]
    _tables: dict[tuple[str, Unit, bool], RowTable] = field(default_factory=dict)

    def table(self, table_id: str, unit: Unit, by_problem: bool) -> RowTable:
        """A row a rollout, or a problem."""
        key = table_id, unit, by_problem
        if key not in self._tables:
            make = problems_table if by_problem else rollout_table
            self._tables[key] = make(table_id, self.lines, unit)
        return self._tables[key]

    @cached_property
    def above_tau(self) -> Estimate:
        """Share of the scored tokens that are above tau."""
        return above_tau(self.lines)

    @cached_property
    def correct(self) -> Estimate | None:
        """Share of the checked rollouts that are correct."""
        return checked_correct(self.lines)

    @cached_property
    def common_start(self) -> int:
        """How many characters all questions begin with."""
        return shared_start(self.lines)


@st.cache_resource(show_spinner=False, max_entries=4)
def read_scored(
    path: Path, fields: Fields, tau: float, spec: ModelSpec, version: int, _scoring: Scoring
) -> ReadRollouts:
    """A kept file's rollouts with the scores of `version`."""
    found = dict(_scoring.scores.found)
    rollouts = read_kept(path, fields).rollouts
    numbered = enumerate(rollouts)
    return ReadRollouts(lines(((each, found.get(number)) for number, each in numbered), tau))
