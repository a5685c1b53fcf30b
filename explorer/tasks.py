"""Short work in its own thread: pages show its progress, and clicks don't interrupt it."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable

from core.chains.assembly import GrowingChain
from core.errors import ExplorerError
from core.runs.pace import Countdown, Pace, time_left

_log = logging.getLogger(__name__)
NICENESS = 5  # of threads that compute, so that pages stay responsive
_PATIENCE = 5  # seconds until work that was cancelled is cut off with the server


class Task:
    """One piece of work and its progress. Pages only read; only the worker writes."""

    def __init__(self, label: str, work: Callable[[Task], None], total: int | None = None) -> None:
        """Start `work` at once, called with this task, which it uses to check `cancelled` and to
        report progress.

        `total` is the number of units of work, if known.
        """
        self._label = label
        self._done = self._before = 0
        self.total = total
        self.unit = "tokens"
        self.step = ""  # what is being done, where the work has several steps
        self.live: GrowingChain | None = None
        self.error: ExplorerError | None = None
        self.started = time.monotonic()
        self._pace, self._countdown = Pace(), Countdown()
        self._pace.report(0, total, self.started)
        self._work = work
        self._cancel = threading.Event()
        self._finished = threading.Event()
        _running.add(self)
        threading.Thread(target=self._run, name=f"task: {label}", daemon=True).start()

    @property
    def running(self) -> bool:
        """Whether the work is still running."""
        return not self._finished.is_set()

    @property
    def label(self) -> str:
        """What is being done. A new label begins a new part of the work, with a pace of its own:
        the time that a model took to load says nothing about the tokens after it."""
        return self._label

    @label.setter
    def label(self, label: str) -> None:
        self._label = label
        self._begin()

    @property
    def done(self) -> int:
        """Units that are done."""
        return self._done

    @done.setter
    def done(self, done: int) -> None:
        now, first = time.monotonic(), self._done == self._before < done
        self._done = done
        if first and self.unit == "tokens":  # the prompt is read before the first one
            self._begin()
        else:
            self._report(now)

    @property
    def before(self) -> int:
        """Part of `done` that was there before the work began."""
        return self._before

    @before.setter
    def before(self, before: int) -> None:
        self._before = before
        self._begin()

    def count(self) -> None:
        """Count one more finished unit."""
        self.done += 1

    def cancel(self) -> None:
        """Ask the worker to stop at its next token."""
        self._cancel.set()

    def cancelled(self) -> bool:
        """Whether a stop was requested."""
        return self._cancel.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait for the end, at most `seconds`; True if the work has ended."""
        return self._finished.wait(seconds)

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def seconds_left(self) -> float | None:
        """Seconds left at the latest pace, if all units are needed; None while unknown. It counts
        down steadily (`core.runs.pace`)."""
        return self._countdown.seconds(time.monotonic()) if self.total else None

    @property
    def per_second(self) -> float | None:
        """Units per second; None while unknown."""
        each = self._pace.per_unit
        return 1 / each if each else None

    @property
    def share_done(self) -> float:
        """Between 0 and 1; 0 while unknown."""
        return min(self.done / self.total, 1.0) if self.total else 0.0

    @property
    def progress(self) -> str:
        """In words: "Generating: 38 / 450 tokens · 2.2 tokens/s · about 3 min left"."""
        if self.done == self.before:
            return f"{self.label}, {self.elapsed:.0f} s"
        total = "" if self.total is None else f" / {self.total}"
        parts = [f"{self.label}: {self.done}{total} {self.unit}"]
        speed, left = self.per_second, self.seconds_left
        if speed is not None and self.unit == "tokens":
            parts.append(f"{speed:.2g} tokens/s" if speed < 10 else f"{speed:.0f} tokens/s")
        if left is not None and self.done != self.total:
            parts.append(time_left(left))
        return " · ".join(parts)

    def _begin(self) -> None:
        self._pace, self._countdown = Pace(), Countdown()
        self._pace.report(self._done, self.total, time.monotonic())

    def _report(self, now: float) -> None:
        self._pace.report(self._done, self.total, now)
        left = self._pace.left(now)
        if left is not None:
            self._countdown.set(*left, now)

    def _run(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        try:
            self._work(self)
        except ExplorerError as error:
            self.error = error
        except Exception as error:
            _log.exception("%s failed", self.label)
            self.error = ExplorerError(
                f"{self.label} failed unexpectedly ({type(error).__name__}: {error}).",
                "Nothing you made is lost. The server's log has the details; please report it.",
            )
        finally:
            self._finished.set()
            _running.discard(self)


_running: weakref.WeakSet[Task] = weakref.WeakSet()


@atexit.register
def _end_all() -> None:
    """Cancel what still runs when the server ends: a thread that is cut off inside torch aborts the
    process."""
    tasks, until = list(_running), time.monotonic() + _PATIENCE
    for task in tasks:
        task.cancel()
    for task in tasks:
        task.wait(max(until - time.monotonic(), 0))
