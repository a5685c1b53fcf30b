"""A problem set, worked through in units that a run keeps: the loop of every task that decodes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from core.records import Problem

if TYPE_CHECKING:
    from core.runs.context import RunContext

PROBLEMS_A_UNIT = 16
"""Problems that are decoded together, and lost together when a run is killed."""

_SO_FAR_SECONDS = 5.0  # at least, between two summaries of what there is so far
_SO_FAR_PATIENCE = 10  # times what the last one took, likewise

_Record = TypeVar("_Record")

ReadUnit = Callable[[Any, Sequence[Problem]], "list[_Record] | None"]
"""The records of a unit, from its JSON (None: not there) and its problems; None when it isn't
there, is damaged, or isn't all that it should be."""

Solve = Callable[[Sequence[Problem], Callable[[int, int], None]], "list[Any] | None"]
"""JSON-ready results of some problems, one each, in order; None when cancelled. It gets the
problems, and tells (rows done, rows known of so far)."""


@dataclass(frozen=True)
class ProblemUnit:
    """One unit of work."""

    key: str
    start: int  # how many problems come before it
    problems: Sequence[Problem]


def problem_units(problems: Sequence[Problem], prefix: str = "") -> Iterator[ProblemUnit]:
    """The units that a run's problems make, in order. The prefix of their keys tells apart what
    a run does with several problem sets."""
    for number, start in enumerate(range(0, len(problems), PROBLEMS_A_UNIT)):
        yield ProblemUnit(f"{prefix}{number:06d}", start, problems[start : start + PROBLEMS_A_UNIT])


def kept_records(
    problems: Sequence[Problem],
    finished: Mapping[str, Any],
    read: ReadUnit[_Record],
    prefix: str = "",
) -> list[_Record]:
    """The records of all whole units, one a problem, in the order of the problems.

    Args:
        finished: a run's units by key.
        prefix: of their keys.
    """
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
) -> None:
    """Solve what is not there yet, unit by unit, so that nothing finished is lost.

    Args:
        work: the run at work.
        problems: all of the run's.
        solve: solves a unit.
        read: tells whole units of earlier starts from damaged ones, which are solved again and
            said in the run's status.
        doing: what is being done, for the progress.
        belonging: what a unit must belong to, for the notice ("problems and arms").
        sum_up: writes a summary of what there is so far; called now and then.
        prefix: of the units' keys.

    Raises:
        Cancelled: a stop was requested.
        ExplorerError: as `solve`; the disk is full or can't be written.
    """
    from core.runs.context import Cancelled

    kept = [unit for unit in problem_units(problems, prefix) if unit.key in work.finished]
    whole = {each.key for each in kept if read(work.finished[each.key], each.problems) is not None}
    if len(whole) < len(kept):
        work.notice(
            f"Units in units.jsonl that are damaged, or not of this run's {belonging}: "
            f"{len(kept) - len(whole)} of {len(kept)}."
        )
    next_summary = 0.0
    for unit in problem_units(problems, prefix):
        if unit.key not in whole:
            if work.stop.requested:
                raise Cancelled

            def on_progress(done: int, total: int, unit: ProblemUnit = unit) -> None:
                share = done / total if total else 0.0
                work.report(unit.start + len(unit.problems) * share, len(problems), doing)

            results = solve(unit.problems, on_progress)
            if results is None:
                raise Cancelled
            work.keep(unit.key, results)
            begun = time.monotonic()
            if begun > next_summary or work.stop.requested:
                sum_up()
                took = time.monotonic() - begun
                next_summary = begun + max(_SO_FAR_SECONDS, _SO_FAR_PATIENCE * took)
        work.report(unit.start + len(unit.problems), len(problems), doing)
