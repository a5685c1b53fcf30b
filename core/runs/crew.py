"""Units solved by workers elsewhere; the run's own process keeps them, as it keeps its own."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from core.errors import ExplorerError, RunError, examples
from core.records import Problem

if TYPE_CHECKING:
    from core.runs.context import RunContext

TRIES = 3
"""Workers that may end with the same problems before the run does."""

_WAIT = 0.2  # seconds between two looks at the stop


@dataclass(frozen=True)
class JobReport:
    """What became of a job: its records as JSON; the error of its worker; or neither, where the
    worker ended without a word."""

    job: int
    records: list[Any] | None = None
    error: ExplorerError | None = None


class Crew(Protocol):
    """Workers that each hold the models of a run."""

    @property
    def size(self) -> int:
        """How many workers there are, or will be."""

    def open(self, work: RunContext) -> None:
        """Start the workers, and have one of them load the models and check the problems.

        Raises:
            Cancelled: a stop was requested.
            ExplorerError: no workers, or models and problems that don't go together.
        """

    @property
    def is_free(self) -> bool:
        """Whether a worker is ready and has no job."""

    def give(self, job: int, problems: Sequence[Problem]) -> None:
        """Give a job to a free worker."""

    def wait(self, seconds: float) -> list[JobReport]:
        """The jobs that ended, after at most so long. A worker that ended is replaced.

        Raises:
            ExplorerError: workers can't be started any more.
        """

    def close(self) -> None:
        """End all workers."""


def solve_elsewhere(
    crew: Crew,
    work: RunContext,
    jobs: Sequence[Sequence[Problem]],
    keep: Callable[[int, list[Any]], None],
    *,
    begun: Callable[[], None] = lambda: None,
) -> None:
    """Have jobs solved, each by any worker, in any order.

    A job whose worker ends is done again by another one.

    Args:
        crew: the workers.
        work: the run.
        jobs: the problems of each.
        keep: called with the number of a job and its records, as soon as it is done.
        begun: called when the models are loaded.

    Raises:
        Cancelled: a stop was requested; jobs that end within the grace period are kept.
        RunError: a job ended `TRIES` workers.
        ExplorerError: that of a worker, or of `keep`.
    """
    from core.runs.context import Cancelled

    waiting, given, ended = deque(range(len(jobs))), set[int](), Counter[int]()
    try:
        crew.open(work)
        begun()
        while waiting or given:
            if work.stop.overdue() or (work.stop.requested and not given):
                raise Cancelled
            while waiting and crew.is_free and not work.stop.requested:
                crew.give(waiting[0], jobs[waiting[0]])
                given.add(waiting.popleft())
            reports = crew.wait(_WAIT)
            for report in sorted(reports, key=lambda each: each.records is None):  # first keep
                given.discard(report.job)
                if report.error is not None:
                    raise report.error
                if report.records is not None:
                    keep(report.job, report.records)
                    continue
                ended[report.job] += 1
                if ended[report.job] == TRIES:
                    raise _deadly(jobs[report.job])
                waiting.appendleft(report.job)
    finally:
        crew.close()


def _deadly(problems: Sequence[Problem]) -> RunError:
    names = examples([problem.id for problem in problems])
    return RunError(
        f"{TRIES} workers ended while they solved the same problems ({names}).",
        "Look into the workers' logs and their memory: a smaller batch size needs less. What is "
        "finished is kept.",
    )
