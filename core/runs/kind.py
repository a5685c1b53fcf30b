"""What a kind of run is, in one place: name, settings, work, results."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import pandas as pd
from pydantic import BaseModel

from core.errors import RunError
from core.models.spec import teacher_spec
from core.records import Problem
from core.runs.models import base_and_teachers, load_run_model, load_run_teacher
from core.runs.problem_units import (
    ReadUnit,
    Record,
    Solve,
    kept_records,
    problem_units,
    problems_together,
    unit_reader,
    work_through,
)
from core.runs.result_files import Cell
from core.runs.run import Run
from core.runs.served_chains import engine_of
from core.runs.settings import checked_settings
from core.system.json_text import json_text

if TYPE_CHECKING:
    from typing import Self

    from core.engines.engine import Engine
    from core.models.language_model import LanguageModel
    from core.runs.config import RunPlan
    from core.runs.context import RunContext
    from core.runs.estimate import RunEstimate
    from core.runs.headline import Headline
    from core.runs.measurements import Meter

RESULTS, TABLE, SO_FAR = "results.json", "results.csv", "so_far.json"
"""Files of a run: its results, the same as flat rows, and those of the problems done so far."""


class Results(Protocol):
    """The results of a run."""

    def to_json(self) -> dict[str, Any]: ...

    @classmethod
    def from_json(cls, data: Any) -> Self: ...


class TableResults(Results, Protocol):
    """The results of a run over a problem set: its figures, which a spreadsheet can open, too."""

    def to_rows(self) -> list[dict[str, Cell]]: ...


S = TypeVar("S", bound=BaseModel)
R = TypeVar("R", bound=Record)
T = TypeVar("T", bound=Results)
F = TypeVar("F", bound=TableResults)


@dataclass(frozen=True, kw_only=True)
class IndependentUnits:
    """How a kind keeps units that don't depend on each other, so that shards can have them.

    Attributes:
        read: makes, for a run, the reader of its units.
        at_once: how many units are solved together.
        prefix: of their keys.
        files: what a run writes before its first unit, the same in all its shards.
        solver: loads the models of a run and checks its problems; returns what solves a unit. The
            last argument says whether the base's own Python code may run.
    """

    read: Callable[[Run], ReadUnit[Any]]
    solver: Callable[[RunContext, bool], Solve]
    at_once: int = 1
    prefix: str = ""
    files: tuple[str, ...] = ()

    @property
    def problems_together(self) -> int:
        """How many problems are decoded together."""
        return problems_together(self.at_once)


@dataclass(frozen=True, kw_only=True)
class RunKind(ABC, Generic[S, T]):
    """What all kinds of run have in common. `core.kinds` lists them.

    Attributes:
        name: of its command, and in the config of every run of it.
        settings: the model of its settings.
        results: what a finished run has found, read from and written to results.json.
        estimate: what a run that is planned will take, from measurements of its model on this
            machine; None: nothing is said before it starts.
        headline: results in one figure and one sentence; None: a kind without one.
    """

    name: str
    settings: type[S]
    results: type[T]
    estimate: Callable[[Meter, RunPlan, S], RunEstimate] | None
    headline: Callable[[T], Headline] | None = None

    @abstractmethod
    def carry_out(self, work: RunContext, *, trust_remote_code: bool = False) -> None:
        """Carry a prepared run out, from where earlier starts left off.

        Args:
            work: the run.
            trust_remote_code: whether the base's own Python code may run. A run's folder may come
                from elsewhere: its config can ask for this, only the caller can allow it.

        Raises:
            Cancelled: when a stop is requested.
            ExplorerError: models, problems or settings that don't go together; a missing input;
                memory or disk full.
        """

    def estimate_of(self, plan: RunPlan, meter: Meter) -> RunEstimate | None:
        """What a planned run will take; None where the kind doesn't say.

        Args:
            plan: of the run.
            meter: of its model.

        Raises:
            NotMeasuredError: something isn't known, and the meter must not measure.
            MeasuringCancelledError: the meter was cancelled.
            ExplorerError: model, problems or settings that don't go together; memory full.
        """
        if self.estimate is None:
            return None
        return self.estimate(meter, plan, checked_settings(self.settings, plan.settings))

    @property
    def is_divisible(self) -> bool:
        """Whether units don't depend on each other, so that shards or workers can have them."""
        return False

    def units_of(self, settings: Mapping[str, Any]) -> IndependentUnits | None:
        """How the kind keeps its units; None where they depend on each other.

        Args:
            settings: of a run.

        Raises:
            RunError: settings out of range.
        """
        return None

    def settings_of(self, run: Run) -> S:
        """The settings of a run.

        Raises:
            RunError: they can't be read, or are out of range.
        """
        return checked_settings(self.settings, run.config.settings)

    def results_of(self, run: Run) -> T | None:
        """A run's results, before its end those of what is done so far; None before there are any.
        Only reads: summing up takes the run's process a while, and pages must not wait.

        Raises:
            RunError, FileError: a damaged file.
        """
        data = run.read_json(RESULTS)
        if data is None:
            data = run.read_json(SO_FAR)
        return None if data is None else self.results.from_json(data)

    def headline_of(self, run: Run) -> Headline | None:
        """A run's results in one figure and one sentence, so far or at its end; None before there
        are any, and for a kind without headlines. Only reads the file of results.

        Raises:
            RunError, FileError: a damaged file.
        """
        found = None if self.headline is None else self.results_of(run)
        return None if found is None or self.headline is None else self.headline(found)

    def write_so_far(self, work: RunContext, results: T) -> None:
        """Write the results of what is done so far, which `results_of` reads until the end.

        Raises:
            ResourceError: the disk is full or can't be written.
        """
        self._write(work, SO_FAR, results)

    def _write(self, work: RunContext, name: str, results: T) -> None:
        work.write(name, json_text(results.to_json(), indent=1) + "\n")


def write_table(work: RunContext, results: TableResults) -> None:
    """Write a run's final results as flat rows; those of what was done so far go.

    Raises:
        ResourceError: the disk is full or can't be written.
    """
    work.write(TABLE, pd.DataFrame(results.to_rows()).to_csv(index=False))
    (work.run.folder / SO_FAR).unlink(missing_ok=True)


@dataclass(frozen=True)
class RunModels:
    """The models of a run, loaded."""

    base: LanguageModel
    teachers: tuple[LanguageModel, ...]
    engine: Engine | None = None  # a server of the base, which samples in its place

    @property
    def teacher(self) -> LanguageModel | None:
        """The only teacher, or the first; None without teachers."""
        return next(iter(self.teachers), None)


Cancel = Callable[[], bool]
"""Asked between tokens; True ends the work."""

ProgressCallback = Callable[[float, float], None]
"""Called with how much of a unit is done, and how much it is as far as is known, in any measure."""


def _one_unit(settings: BaseModel) -> int:
    """Most kinds solve one unit at a time."""
    return 1


def _nowhere(*_: object) -> None:
    """In place of the solver of a run whose workers are elsewhere."""
    raise AssertionError("this process has no models")


def _nothing(work: RunContext) -> None:
    """Most kinds need nothing before their models."""


@dataclass(frozen=True, kw_only=True)
class Kind(RunKind[S, F], Generic[S, R, F]):
    """A kind of run that works through a problem set, unit by unit.

    Attributes:
        record: of one problem.
        doing: what is being done, for the progress.
        belonging: what a unit must belong to, for a notice ("problems and arms").
        check: refuses models, problems or settings that don't go together, before any work.
        solve: one record a problem of a unit, in order; None when cancelled.
        complete: makes, for a run, the test whether a record is complete.
        summarise: results of a run's records; the last argument says whether these are all.
        prepare: called before the models are loaded.
        at_once: how many units are solved together, by the settings.
        files: what `prepare` writes, the same in all shards of a run.
    """

    record: type[R]
    doing: str
    belonging: str
    check: Callable[[RunModels, Sequence[Problem], S], None]
    solve: Callable[[RunModels, Sequence[Problem], S, Cancel, ProgressCallback], list[R] | None]
    complete: Callable[[Run], Callable[[R], bool]]
    summarise: Callable[[Run, Sequence[R], bool], F]
    prepare: Callable[[RunContext], None] = _nothing
    at_once: Callable[[S], int] = _one_unit
    files: tuple[str, ...] = ()

    def carry_out(self, work: RunContext, *, trust_remote_code: bool = False) -> None:
        """Solve the problems that have no record yet, then write the results; as `RunKind`."""
        run = work.run
        problems = run.problems()
        _, teachers = base_and_teachers(run)
        work.report(0, len(problems), "loading the models" if teachers else "loading the model")
        self.prepare(work)
        if self._has_all(work, problems):  # killed before its results, or merged from shards
            work.report(len(problems), len(problems), self.doing)
        else:
            self._solve_missing(work, problems, trust_remote_code)
        results = self._summary(run, finished=True)
        self._write(work, RESULTS, results)
        write_table(work, results)

    def _has_all(self, work: RunContext, problems: Sequence[Problem]) -> bool:
        if not all(unit.key in work.finished for unit in problem_units(problems)):
            return False
        read = self.read_unit(work.run)
        return len(kept_records(problems, work.finished, read)) == len(problems)

    def _solve_missing(
        self, work: RunContext, problems: Sequence[Problem], trust_remote_code: bool
    ) -> None:
        run, settings = work.run, self.settings_of(work.run)
        work_through(
            work,
            problems,
            _nowhere if work.crew is not None else self._solver(work, trust_remote_code),
            self.read_unit(run),
            doing=self.doing,
            belonging=self.belonging,
            sum_up=lambda: self.write_so_far(work, self._summary(run, finished=False)),
            at_once=self.at_once(settings),
        )

    def _solver(self, work: RunContext, trust_remote_code: bool) -> Solve:
        """Load the models, check the problems, and solve units."""
        settings, problems = self.settings_of(work.run), work.run.problems()
        spec, teachers = base_and_teachers(work.run)
        base = load_run_model(work, spec, trust_remote_code=trust_remote_code)
        models = RunModels(
            base,
            tuple(load_run_teacher(work, base, teacher_spec(spec, name)) for name in teachers),
            engine_of(work, base),
        )
        self.check(models, problems, settings)
        return lambda unit, on_progress: self.solve(
            models, unit, settings, work.stop.overdue, on_progress
        )

    @property
    def is_divisible(self) -> bool:
        """It is; as `RunKind`."""
        return True

    def units_of(self, settings: Mapping[str, Any]) -> IndependentUnits:
        """How the kind keeps its units; as `RunKind`."""
        at_once = self.at_once(checked_settings(self.settings, settings))
        return IndependentUnits(
            read=self.read_unit, solver=self._solver, at_once=at_once, files=self.files
        )

    def read_unit(self, run: Run) -> ReadUnit[R]:
        """Reads a unit's JSON: its records, or None where it is missing, damaged or incomplete.

        Raises:
            ExplorerError: settings or models of the run can't be read, or don't go together.
        """
        return unit_reader(self.record, self.complete(run))

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
            RunError: nothing, or its record is damaged.
            ExplorerError: as `records_of`.
        """
        for record in self.records_of(run):
            if record.problem_id == problem_id:
                return record
        raise RunError(
            f"This run has no chains of the problem {problem_id}.",
            "`fork-explorer runs resume` makes what is missing or damaged.",
        )

    def _summary(self, run: Run, *, finished: bool) -> F:
        return self.summarise(run, self.records_of(run), finished)
