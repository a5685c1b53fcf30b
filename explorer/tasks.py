"""Short work in its own thread: pages show its progress, and clicks don't interrupt it."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable

from core.chains.assembly import GrowingChain
from core.errors import ExplorerError

_log = logging.getLogger(__name__)
_NICENESS = 5  # so that pages stay responsive


class Task:
    """One piece of work and its progress. Pages only read; only the worker writes."""

    def __init__(self, label: str, work: Callable[[Task], None], total: int | None = None) -> None:
        """Start `work` at once, called with this task, which it uses to check `cancelled` and to
        report progress.

        `total` is the number of units of work, if known.
        """
        self.label = label
        self.done = 0
        self.before = 0  # part of `done` that was there before the work began
        self.total = total
        self.unit = "tokens"
        self.step = ""  # what is being done, where the work has several steps
        self.live: GrowingChain | None = None
        self.error: ExplorerError | None = None
        self.started = time.monotonic()
        self._work = work
        self._cancel = threading.Event()
        self._finished = threading.Event()
        threading.Thread(target=self._run, name=f"task: {label}", daemon=True).start()

    @property
    def running(self) -> bool:
        """Whether the work is still running."""
        return not self._finished.is_set()

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
        """Upper bound of the seconds left, at the pace so far; None when unknown."""
        made = self.done - self.before
        if not self.total or made <= 0:
            return None
        return self.elapsed / made * max(self.total - self.done, 0)

    @property
    def share_done(self) -> float:
        """Between 0 and 1; 0 while unknown."""
        return min(self.done / self.total, 1.0) if self.total else 0.0

    @property
    def progress(self) -> str:
        """The progress in words."""
        if self.done == self.before:
            return f"{self.label}, {self.elapsed:.0f} s"
        total = "" if self.total is None else f" of at most {self.total}"
        left = self.seconds_left
        remaining = "" if left is None else f", at most {left:.0f} s left"
        return f"{self.label}: {self.done}{total} {self.unit}{remaining}"

    def _run(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
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
