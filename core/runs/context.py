"""The child's side of a run: carry out a task unit by unit, keeping every finished unit."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from core.errors import ExplorerError
from core.runs.checkpoint import Checkpoint
from core.runs.estimate import RunEstimate
from core.runs.events import Event, EventLog, Events
from core.runs.liveness import ProcessName, hold
from core.runs.progress_reports import ProgressReports, Report
from core.runs.run import Run
from core.runs.run_folder import check_file_name
from core.runs.status import DEFAULT_UNIT
from core.system.durable_files import disk_error, is_full, replace_file, set_reserve_aside

if TYPE_CHECKING:
    from core.engines.engine import Engine
    from core.models.language_model import LanguageModel
    from core.models.spec import ModelSpec
    from core.runs.crew import Crew

LAUNCH = "FORK_EXPLORER_LAUNCH"
"""Environment variable that tells a child its launch."""

DONE, BUG, STOPPED, CANCELLED = 0, 1, 2, 130
"""Exit codes: done, a bug, an ExplorerError, cancelled."""

_LOCK_SECONDS = 5.0
_WAITING = "; waiting: "


class Cancelled(Exception):  # noqa: N818 - not an error
    """Raised by a task that ends because a stop was requested."""


class RunContext:
    """What a task works with.

    `finished` holds the units that earlier starts finished. Kept results come back as
    JSON gives them (tuples as lists); a task that computes its result files from `run.units()`
    writes the same bytes however often it was interrupted.
    """

    def __init__(self, run: Run, stop: Stop, reports: ProgressReports) -> None:
        self.run, self.stop = run, stop
        self._reports = reports
        self._checkpoint = Checkpoint(run.units_path)
        self.finished: dict[str, Any] = run.units()
        self.loaded: dict[ModelSpec, LanguageModel] = {}  # for `load_run_model` to take
        self.crew: Crew | None = None  # workers elsewhere, for runs of independent units
        self.engine: Engine | None = None  # once `engine_of` has checked it
        self.engine_url: str | None = None  # where it is now, if not where the config says

    def keep(self, key: str, result: Any) -> None:
        """Keep a finished unit; it has reached the disk when this returns.

        Raises:
            ResourceError: the disk is full or can't be written.
            TypeError, ValueError: `result` is not JSON-serialisable.
        """
        try:
            self._checkpoint.keep(key, result)
        except OSError as error:
            _give_up(self.run.units_path, error)

    def keep_in_order(self, keys: Sequence[str]) -> None:
        """Bring units that were finished in another order into this one.

        Raises:
            ResourceError: the disk is full or can't be written.
        """
        try:
            self._checkpoint.keep_in_order(keys)
        except OSError as error:
            _give_up(self.run.units_path, error)

    def report(self, done: float, total: float | None, what: str, unit: str = DEFAULT_UNIT) -> None:
        """Report progress; cheap, may be called at any rate.

        Args:
            done: amount done; parts of a unit count (48.5).
            total: amount in all; None while unknown.
            what: what is being done, one short phrase.
            unit: what is counted.

        Raises:
            ResourceError: the disk is full or can't be written.
        """
        try:
            self._reports.report(
                Report(float(done), None if total is None else float(total), what, unit)
            )
        except OSError as error:
            _give_up(self.run.log.path, error)

    def report_waiting(self, why: str) -> None:
        """Report that the work waits, beside what it does.

        Raises:
            ResourceError: the disk is full or can't be written.
        """
        latest = self._reports.latest
        what = f"{latest.what.partition(_WAITING)[0]}{_WAITING}{why}"
        self.report(latest.done, latest.total, what, latest.unit)

    def notice(self, text: str) -> None:
        """Report that units were damaged and are computed again: on stderr, in log.txt, and in the
        run's status from now on."""
        self._reports.notice(text)
        _tell(self.run, text)

    def write(self, name: str, text: str) -> None:
        """Write a result file in one step.

        Raises:
            RunError: `name` is not a plain file name, or one of the run's own files.
            ResourceError: the disk is full or can't be written.
        """
        path = self.run.folder / check_file_name(name)
        try:
            replace_file(path, text.encode())
        except OSError as error:
            _give_up(path, error)

    @property
    def elapsed(self) -> float:
        """Seconds of work so far, those of earlier starts included."""
        return float(self._reports.fields()["elapsed"])

    @property
    def _is_complete(self) -> bool:
        latest = self._reports.latest
        return latest.total is not None and latest.done >= latest.total


def carry_out(run: Run, task: Callable[[RunContext], None], *, bar: bool) -> int:
    """Carry a run's task out in this process, from where earlier starts left off.

    A task that raises `Cancelled`, or that returns after a stop was requested with less done than
    its total, is cancelled. What it raises otherwise ends the run as failed: an ExplorerError
    with its two sentences, anything else as a bug with its traceback in log.txt.

    Args:
        run: the run.
        task: does the work.
        bar: show a progress bar on stderr.

    Returns:
        The exit code: 0 done, 130 cancelled, 2 for an ExplorerError, 1 for a bug.

    Raises:
        RunError: another process works on the run, or its folder can't be written.
    """
    log = run.log
    with stop_on_signals() as stop, hold(run.folder, _LOCK_SECONDS):
        reports = None
        try:
            log.cut_half_line()
            begun_at = log.size()
            earlier = log.read(0)
            set_reserve_aside(run.reserve_path)
            notice = Checkpoint(run.units_path).repair()
            reports = _reports(run, earlier, notice, bar=bar)
            log.append(Event(event="started", **reports.fields()))
            if notice:
                _tell(run, notice)
            if _was_cancelled(log, begun_at):
                stop.request()
                raise Cancelled
            work = RunContext(run, stop, reports)
            task(work)
            if stop.requested and not work._is_complete:
                raise Cancelled
            code, ending = DONE, {"state": "done"}
        except (Cancelled, KeyboardInterrupt):
            code, ending = CANCELLED, {"state": "cancelled"}
        except ExplorerError as error:
            code, ending = STOPPED, _failed(error)
            _drop_reserve(run)
            _tell(run, str(error))
        except OSError as error:
            _drop_reserve(run)
            if is_full(error):
                code, ending = STOPPED, _failed(full := disk_error(run.folder, error))
                _tell(run, str(full))
            else:
                code, ending = BUG, _bug(run, error)
        except (Exception, SystemExit) as error:
            code, ending = BUG, _bug(run, error)
        if reports is not None:
            reports.close()
        _drop_reserve(run)
        fields = {"notice": None} if reports is None else reports.fields()
        fields |= {"seconds_left": None, "seconds_least": None}
        with contextlib.suppress(OSError):  # stderr has it; readers see an interrupted run
            log.append(
                Event(
                    event="ended",
                    **(fields | ending),
                )
            )
        return code


def _reports(run: Run, earlier: Events, notice: str | None, *, bar: bool) -> ProgressReports:
    known = next((each for each in reversed(earlier.events) if each.elapsed is not None), None)
    me = ProcessName.of(os.getpid())
    common = {"pid": me.pid, "birth": me.birth, "host": me.host, "notice": notice}
    last = Report(what="starting")
    if known is not None:
        last = Report(known.done or 0.0, known.total, "starting", known.unit or DEFAULT_UNIT)
    return ProgressReports(
        run.log,
        (known and known.elapsed) or 0.0,
        last,
        common,
        bar=bar,
        estimate=RunEstimate.from_json(run.config.estimate),
    )


def _was_cancelled(log: EventLog, begun_at: int) -> bool:
    """Whether a stop was requested before this process handled signals."""
    events = list(log.read(0).events)
    token = os.environ.get(LAUNCH)
    launched = [i for i, each in enumerate(events) if token and each.launch == token]
    since = events[launched[0] :] if launched else log.read(begun_at).events
    return any(each.event == "cancel" for each in since)


def _give_up(path: Path, error: OSError) -> NoReturn:
    raise disk_error(path, error) from error


def _drop_reserve(run: Run) -> None:
    with contextlib.suppress(OSError):
        run.reserve_path.unlink()


def _failed(error: ExplorerError) -> dict[str, Any]:
    return {"state": "failed", "error": error.what, "remedy": error.remedy}


def _bug(run: Run, error: BaseException) -> dict[str, Any]:
    _tell(run, "".join(traceback.format_exception(error)), plain=True)
    said = " ".join(str(error).split())[:500]
    return {
        "state": "failed",
        "error": f"The task broke off with {type(error).__name__}{': ' * bool(said)}{said}.",
        "remedy": "This is a bug: log.txt has the traceback.",
    }


def _tell(run: Run, message: str, *, plain: bool = False) -> None:
    """Write a line to stderr and to log.txt, which may be the same file."""
    text = message if plain else f"fork-explorer: {' '.join(message.split())}\n"
    path = run.log_path
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()
    with contextlib.suppress(OSError, ValueError):
        if not (path.exists() and os.path.samestat(os.fstat(2), path.stat())):
            with path.open("a", encoding="utf-8", errors="replace") as file:
                file.write(text)


GRACE = 2.0
"""Seconds that a unit may still take after the request; then it is given up."""


class Stop:
    """Asked between units (`requested`) and between tokens (`overdue`)."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._insisted = False

    def request(self) -> None:
        """Request a stop; a second request gives up the current unit at once."""
        if self._since is None:
            self._since = time.monotonic()
        else:
            self._insisted = True

    @property
    def requested(self) -> bool:
        """Whether to start no further unit."""
        return self._since is not None

    def overdue(self) -> bool:
        """Whether to give up the current unit."""
        if self._since is None:
            return False
        return self._insisted or time.monotonic() - self._since >= GRACE


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """SIGINT and SIGTERM set the stop, for as long as the context lasts.

    Outside the main thread, where Python doesn't handle signals, only `request` sets it.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def on_signal(*_: Any) -> None:
        stop.request()

    before = {each: signal.signal(each, on_signal) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
