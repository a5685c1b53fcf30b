"""Progress of a run, written at most twice a second to progress.jsonl and to a bar on stderr."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

from core.runs.estimate import RunEstimate
from core.runs.events import Event, EventLog
from core.runs.status import DEFAULT_UNIT
from core.runs.time_left import TimeLeft

INTERVAL = 0.5  # seconds


@dataclass(frozen=True)
class Report:
    """How far the work is."""

    done: float = 0.0
    total: float | None = None
    what: str = ""
    unit: str = DEFAULT_UNIT


class ProgressReports:
    """The reports of one start. A report that comes too soon is written a moment later, by a timer.

    Args:
        log: where they go.
        earlier: seconds of work of earlier starts.
        last: the progress of the earlier starts.
        common: fields of every event of this start.
        bar: show one if stderr is a terminal.
        estimate: of the run, by which the time left is that of all its phases.
    """

    def __init__(
        self,
        log: EventLog,
        earlier: float,
        last: Report,
        common: dict[str, Any],
        *,
        bar: bool,
        estimate: RunEstimate | None = None,
    ) -> None:
        self._log, self._earlier, self._latest, self._common = log, earlier, last, common
        self._begun = time.monotonic()
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._closed = False
        self._written = -INTERVAL  # when, on the monotonic clock
        self._time_left = TimeLeft(estimate)
        self._wants_bar = bar and sys.stderr.isatty()
        self._bar: Any = None
        self._bar_unit = ""

    def report(self, report: Report) -> None:
        """Write a report now, or soon if the last one was written a moment ago.

        Raises:
            OSError: the disk is full or can't be written.
        """
        with self._lock:
            self._latest = report
            now = time.monotonic()
            self._time_left.report(report.done, report.total, report.what, report.unit, now)
            self._move_bar(report)
            due = self._written + INTERVAL - now
            if due <= 0:
                self._write()
            elif self._timer is None and not self._closed:
                self._timer = threading.Timer(due, self._write_held_back)
                self._timer.daemon = True
                self._timer.start()

    def notice(self, text: str) -> None:
        """Add a notice to every event from now on."""
        with self._lock:
            before = self._common.get("notice")
            self._common = self._common | {"notice": f"{before} {text}" if before else text}

    @property
    def latest(self) -> Report:
        """The last report, written or not."""
        return self._latest

    def fields(self) -> dict[str, Any]:
        """The progress fields of an event at this moment."""
        latest = self._latest
        return self._common | {
            "done": latest.done,
            "total": latest.total,
            "what": latest.what,
            "unit": latest.unit,
            "elapsed": self._earlier + time.monotonic() - self._begun,
            "seconds_left": self._time_left.seconds(time.monotonic()),
            "seconds_least": self._time_left.least,
        }

    def close(self) -> None:
        """Write no more reports."""
        with self._lock:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()
            if self._bar is not None:
                self._bar.close()

    def _write(self) -> None:
        self._log.append(Event(event="progress", **self.fields()))
        self._written = time.monotonic()

    def _write_held_back(self) -> None:
        with self._lock, contextlib.suppress(OSError):  # the next report will raise it
            self._timer = None
            if not self._closed:
                self._write()

    def _move_bar(self, report: Report) -> None:
        if not self._wants_bar or report.total is None:
            return
        if self._bar is None or self._bar_unit != report.unit:
            from tqdm import tqdm

            if self._bar is not None:
                self._bar.close()
            self._bar_unit = report.unit
            self._bar = tqdm(
                total=report.total,
                initial=report.done,
                unit=f" {report.unit}",
                file=sys.stderr,
                bar_format="{desc}{percentage:3.0f}%|{bar}| {n:.4g}/{total:.4g}{unit}"
                " [{elapsed}<{remaining}]",
            )
        self._bar.total = report.total
        self._bar.set_description(report.what, refresh=False)
        self._bar.update(report.done - self._bar.n)
