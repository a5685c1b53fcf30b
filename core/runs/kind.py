"""What a kind of run is, in one place: settings, work on a unit, records, results, names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import pandas as pd
from pydantic import BaseModel

from core.errors import FileError, RunError
from core.models.spec import teacher_spec
from core.records import Problem
from core.runs.models import base_and_teachers, load_run_model, load_run_teacher
from core.runs.problem_units import ReadUnit, kept_records, work_through
from core.runs.result_files import Cell
from core.runs.run import Run
from core.runs.settings import checked_settings
from core.system.json_text import json_text

if TYPE_CHECKING:
    from typing import Self

    from core.models.language_model import LanguageModel
    from core.runs.context import RunContext

RESULTS, TABLE, SO_FAR = "results.json", "results.csv", "so_far.json"
"""Files of a run: its results, the same as flat rows, and those of the problems done so far."""


class Record(Protocol):
    """What a run finds on one problem."""

    @property
    def problem_id(self) -> str: ...

    def to_json(self) -> dict[str, Any]: ...

    @classmethod
    def from_json(cls, data: Any) -> Self: ...


class Results(Protocol):
    """What a run finds on all of its problems."""

    def to_json(self) -> dict[str, Any]: ...

    def to_rows(self) -> list[dict[str, Cell]]: ...

    @classmethod
    def from_json(cls, data: Any) -> Self: ...


S = TypeVar("S", bound=BaseModel)
R = TypeVar("R", bound=Record)
T = TypeVar("T", bound=Results)


@dataclass(frozen=True)
class RunModels:
    """The models of a run, loaded."""

    base: LanguageModel
    teachers: tuple[LanguageModel, ...]

    @property
    def teacher(self) -> LanguageModel | None:
        """The only teacher, or the first; None where there is none."""
        return next(iter(self.teachers), None)


Cancel = Callable[[], bool]
"""Asked between tokens; True ends the work."""

ProgressCallback = Callable[[int, int], None]
"""Called with (steps done, steps known of so far) of a unit."""


def _nothing(work: RunContext) -> None:
    """Most kinds need nothing before their models."""


@dataclass(frozen=True)
class Kind(Generic[S, R, T]):
    """A kind of run that works through a problem set, unit by unit.

    Attributes:
        name: of its command, and in the config of every run of it.
        settings: the model of its settings.
        record: of one problem.
        results: of all problems.
        doing: what is being done, for the progress.
        belonging: what a unit must belong to, for a notice ("problems and arms").
        check: refuses models, problems or settings that don't go together, before any work.
        solve: one record a problem of a unit, in order; None when cancelled.
        complete: makes, for a run, the test whether a record is all that it should be.
        summarise: results of a run's records; the last argument says whether these are all.
        prepare: done before the models are loaded.
    """

    name: str
    settings: type[S]
    record: type[R]
    results: type[T]
    doing: str
    belonging: str
    check: Callable[[RunModels, Sequence[Problem], S], None]
    solve: Callable[[RunModels, Sequence[Problem], S, Cancel, ProgressCallback], list[R] | None]
    complete: Callable[[Run], Callable[[R], bool]]
    summarise: Callable[[Run, Sequence[R], bool], T]
    prepare: Callable[[RunContext], None] = _nothing

    def carry_out(self, work: RunContext, *, trust_remote_code: bool = False) -> None:
        """Carry a prepared run out, from where earlier starts left off.

        Args:
            work: the run.
            trust_remote_code: whether the base's own Python code may run. A run's folder may come
                from elsewhere: what it says of this is a wish, never the permission.

        Raises:
            Cancelled: when a stop is requested.
            ExplorerError: models, problems or settings that don't go together; an input that is
                not there; memory or disk full.
        """
        run = work.run
        settings, problems = self.settings_of(run), run.problems()
        spec, teachers = base_and_teachers(run)
        work.report(0, len(problems), "loading the models" if teachers else "loading the model")
        self.prepare(work)
        base = load_run_model(work, spec, trust_remote_code=trust_remote_code)
        models = RunModels(
            base,
            tuple(load_run_teacher(work, base, teacher_spec(spec, name)) for name in teachers),
        )
        self.check(models, problems, settings)

        def solve(
            unit: Sequence[Problem], on_progress: ProgressCallback
        ) -> list[dict[str, Any]] | None:
            records = self.solve(models, unit, settings, work.stop.overdue, on_progress)
            return None if records is None else [record.to_json() for record in records]

        work_through(
            work,
            problems,
            solve,
            self.read_unit(run),
            doing=self.doing,
            belonging=self.belonging,
            sum_up=lambda: self._write(work, SO_FAR, finished=False),
        )
        results = self._write(work, RESULTS, finished=True)
        work.write(TABLE, pd.DataFrame(results.to_rows()).to_csv(index=False))
        (run.folder / SO_FAR).unlink(missing_ok=True)

    def settings_of(self, run: Run) -> S:
        """The settings of a run.

        Raises:
            RunError: they can't be read, or are out of range.
        """
        return checked_settings(self.settings, run.config.settings)

    def read_unit(self, run: Run) -> ReadUnit[R]:
        """Reads a unit's JSON: its records, or None where it is missing, damaged or incomplete.

        Raises:
            ExplorerError: settings or models of the run can't be read, or don't go together.
        """
        is_complete = self.complete(run)

        def read(unit: Any, problems: Sequence[Problem]) -> list[R] | None:
            try:
                records = [self.record.from_json(each) for each in unit]
            except (TypeError, FileError):
                return None
            same = [record.problem_id for record in records] == [each.id for each in problems]
            return records if same and all(map(is_complete, records)) else None

        return read

    def records_of(self, run: Run) -> list[R]:
        """What a run has found so far, one record a problem, in the order of the problems. A unit
        that is damaged, or that belongs to other problems or settings, counts as not finished.

        Raises:
            ExplorerError: settings, models or problems of the run can't be read.
        """
        return kept_records(run.problems(), run.units(), self.read_unit(run))

    def record_of(self, run: Run, problem_id: str) -> R:
        """What a run has found on one problem.

        Raises:
            RunError: nothing, or what is there is damaged.
            ExplorerError: as `records_of`.
        """
        for record in self.records_of(run):
            if record.problem_id == problem_id:
                return record
        raise RunError(
            f"This run has no chains of the problem {problem_id}.",
            "`fork-explorer runs resume` makes what is missing or damaged.",
        )

    def results_of(self, run: Run) -> T | None:
        """A run's results; those of the problems done so far while it is not finished, None before
        that. Only reads: summing up takes the run's process a while, and pages must not wait.

        Raises:
            RunError, FileError: a damaged file.
        """
        data = run.read_json(RESULTS) or run.read_json(SO_FAR)
        return None if data is None else self.results.from_json(data)

    def _write(self, work: RunContext, name: str, *, finished: bool) -> T:
        results = self.summarise(work.run, self.records_of(work.run), finished)
        work.write(name, json_text(results.to_json(), indent=1) + "\n")
        return results
