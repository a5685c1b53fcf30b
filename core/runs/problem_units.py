"""A problem set, worked through in units that a run keeps: the loop of every task that decodes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from core.decoding.settings import DEFAULT_BATCH_SIZE
from core.errors import FileError
from core.records import Problem
from core.runs.planned_share import PlannedShare
from core.system.garbage import no_search_for_garbage

if TYPE_CHECKING:
    from typing import Self

    from core.runs.context import RunContext
    from core.runs.crew import Crew

PROBLEMS_A_UNIT = 16
"""Problems that are kept together, and decoded together; a large batch takes several units."""

_SO_FAR_SECONDS = 5.0  # at least, between two summaries of the results so far
_SO_FAR_PATIENCE = 10  # at least, in multiples of the time that the last summary took


class Record(Protocol):
    """What a run finds on one problem."""

    @property
    def problem_id(self) -> str: ...

    def to_json(self) -> dict[str, Any]: ...

    @classmethod
    def from_json(cls, data: Any) -> Self: ...


_Record = TypeVar("_Record", bound=Record)

ReadUnit = Callable[[Any, Sequence[Problem]], "list[_Record] | None"]
"""The records of a unit, from its JSON (None: not there) and its problems; None where it is
missing, damaged or incomplete."""

Solve = Callable[[Sequence[Problem], Callable[[float, float], None]], "Sequence[Record] | None"]
"""Records of some problems, one each, in order; None when cancelled. Called with the problems,
and with a callback for how much is done and how much is planned so far."""


@dataclass(frozen=True)
class ProblemUnit:
    """One unit of work."""

    key: str
    start: int  # how many problems come before it
    problems: Sequence[Problem]


def problem_units(problems: Sequence[Problem], prefix: str = "") -> Iterator[ProblemUnit]:
    """The units of a problem set, in order. A run with several problem sets tells their units
    apart by the prefix of the keys."""
    for number, start in enumerate(range(0, len(problems), PROBLEMS_A_UNIT)):
        yield ProblemUnit(f"{prefix}{number:06d}", start, problems[start : start + PROBLEMS_A_UNIT])


def units_of_a_batch(batch_size: int, chains: int) -> int:
    """How many units are decoded together: as many as fill a batch that is larger than the default,
    which a GPU needs to be busy. They are lost together when a run is killed.

    Args:
        batch_size: chains decoded at once.
        chains: of a problem.
    """
    return max(1, batch_size // max(DEFAULT_BATCH_SIZE, PROBLEMS_A_UNIT * chains))


def problems_together(at_once: int) -> int:
    """How many problems are decoded together, of units solved `at_once` at a time."""
    return PROBLEMS_A_UNIT * at_once


def unit_reader(record: type[_Record], is_complete: Callable[[_Record], bool]) -> ReadUnit[_Record]:
    """A function that reads units of one record a problem.

    Args:
        record: the type of its records.
        is_complete: whether a record has everything that the run's settings ask for.
    """

    def read(unit: Any, problems: Sequence[Problem]) -> list[_Record] | None:
        try:
            records = [record.from_json(each) for each in unit]
        except (TypeError, FileError):
            return None
        same = [each.problem_id for each in records] == [problem.id for problem in problems]
        return records if same and all(map(is_complete, records)) else None

    return read


def kept_records(
    problems: Sequence[Problem],
    finished: Mapping[str, Any],
    read: ReadUnit[_Record],
    prefix: str = "",
) -> list[_Record]:
    """The records of all complete units, one a problem, in the order of the problems.

    Args:
        finished: a run's units by key.
        prefix: of their keys.
    """
    with no_search_for_garbage():
        return [
            record
            for unit in problem_units(problems, prefix)
            for record in read(finished.get(unit.key), unit.problems) or []
        ]


def work_through(
    work: RunContext,
    problems: Sequence[Problem],
    solve: Solve,
    read: ReadUnit[Any],
    *,
    doing: str,
    belonging: str,
    sum_up: Callable[[], object] = lambda: None,
    prefix: str = "",
    at_once: int = 1,
) -> None:
    """Solve the units that the run doesn't have yet, keeping each one as soon as it is finished.

    Args:
        work: the run at work.
        problems: all of the run's.
        solve: solves the problems of a unit, or of several; not called where the run has a crew,
            which does.
        read: tells complete units of earlier starts from damaged ones, which are solved again and
            reported in the run's status.
        doing: what is being done, for the progress.
        belonging: what a unit must belong to, for the notice ("problems and arms").
        sum_up: writes a summary of the results so far; called now and then.
        prefix: of the units' keys.
        at_once: units that are solved together. Where one of them is missing, all are solved
            again, so that a chain's batch is the same whatever was there.

    Raises:
        Cancelled: a stop was requested.
        ExplorerError: as `solve`; the disk is full or can't be written.
    """
    kept = [unit for unit in problem_units(problems, prefix) if unit.key in work.finished]
    whole = {each.key for each in kept if read(work.finished[each.key], each.problems) is not None}
    if len(whole) < len(kept):
        work.notice(
            f"Units in units.jsonl that are damaged, or not of this run's {belonging}: "
            f"{len(kept) - len(whole)} of {len(kept)}."
        )
    units = list(problem_units(problems, prefix))
    groups = [units[i : i + at_once] for i in range(0, len(units), at_once)]
    missing = [group for group in groups if any(unit.key not in whole for unit in group)]
    loop = _Loop(work, problems, whole, doing, sum_up)
    if work.crew is None:
        _work_here(loop, groups, solve)
    elif missing:
        _work_elsewhere(loop, work.crew, missing)
    keys = [unit.key for unit in units]
    own = set(keys)
    earlier = [key for key in work.finished if key in own]
    if work.crew is not None or earlier != keys[: len(earlier)]:
        work.keep_in_order(keys)
    work.report(len(problems), len(problems), doing)


class _Loop:
    """What is kept and reported on the way."""

    def __init__(
        self,
        work: RunContext,
        problems: Sequence[Problem],
        whole: set[str],
        doing: str,
        sum_up: Callable[[], object],
    ) -> None:
        self.work, self.whole, self.total, self.doing = work, whole, len(problems), doing
        self._sum_up = sum_up
        self._next_summary = 0.0

    def keep(self, group: Sequence[ProblemUnit], records: Sequence[Any]) -> None:
        """Keep the units of a group that weren't there, and now and then sum up."""
        for unit in group:
            if unit.key not in self.whole:
                own = records[unit.start - group[0].start :][: len(unit.problems)]
                self.work.keep(unit.key, list(own))
        begun = time.monotonic()
        if begun > self._next_summary or self.work.stop.requested:
            self._sum_up()
            took = time.monotonic() - begun
            self._next_summary = begun + max(_SO_FAR_SECONDS, _SO_FAR_PATIENCE * took)


def _work_here(loop: _Loop, groups: Sequence[Sequence[ProblemUnit]], solve: Solve) -> None:
    from core.runs.context import Cancelled

    work = loop.work
    for group in groups:
        start, together = group[0].start, _together(group)
        if any(unit.key not in loop.whole for unit in group):
            if work.stop.requested:
                raise Cancelled

            # What loading took is not part of the pace: that is measured from here.
            work.report(start, loop.total, loop.doing)
            share = PlannedShare()

            def on_progress(
                done: float,
                total: float,
                start: int = start,
                size: int = len(together),
                share: PlannedShare = share,
            ) -> None:
                work.report(start + size * share.of(done, total), loop.total, loop.doing)

            records = solve(together, on_progress)
            if records is None:
                raise Cancelled
            loop.keep(group, [record.to_json() for record in records])
        work.report(start + len(together), loop.total, loop.doing)


def _work_elsewhere(loop: _Loop, crew: Crew, missing: Sequence[Sequence[ProblemUnit]]) -> None:
    from core.runs.crew import solve_elsewhere

    jobs = [_together(group) for group in missing]
    done = loop.total - sum(map(len, jobs))

    def keep(job: int, records: Sequence[Any]) -> None:
        nonlocal done
        loop.keep(missing[job], records)
        done += len(jobs[job])
        report()

    def report() -> None:
        workers = f"{crew.size} worker{'s' * (crew.size != 1)}"
        loop.work.report(done, loop.total, f"{loop.doing}, {workers}")

    solve_elsewhere(crew, loop.work, jobs, keep, begun=report)


def _together(group: Sequence[ProblemUnit]) -> list[Problem]:
    return [problem for unit in group for problem in unit.problems]
