"""A person's wish that long work ends: Ctrl-C, or a signal from the page."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

GRACE = 2.0
"""Seconds that a unit has to finish after the request; a longer one is given up."""


class Stop:
    """Asked between units (`requested`) and between tokens (`overdue`)."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._insisted = False

    def request(self) -> None:
        """Ask for the end; asking a second time leaves no time to finish the unit."""
        if self._since is None:
            self._since = time.monotonic()
        else:
            self._insisted = True

    @property
    def requested(self) -> bool:
        """Whether to begin no further unit."""
        return self._since is not None

    def overdue(self) -> bool:
        """Whether to give up the unit at hand."""
        if self._since is None:
            return False
        return self._insisted or time.monotonic() - self._since >= GRACE


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """SIGINT and SIGTERM set the stop, for as long as the context lasts.

    Outside the main thread, where Python handles no signals, only `request` sets it.
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
