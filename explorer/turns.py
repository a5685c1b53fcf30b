"""Pages of many sessions are drawn a few at a time.

All of them need Python's one interpreter lock: drawn at once, each takes as long as all together,
and the model, which gives the lock up at every tensor operation, waits behind them all each time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_AT_ONCE = 2
_PATIENCE = 2.0  # seconds after which a page is drawn in any case: another one may wait for work

_turns = threading.Semaphore(_AT_ONCE)
_mine = threading.local()


@contextmanager
def turn_to_draw() -> Iterator[None]:
    """Wait for a turn, unless this thread has one, and keep it while a page or a part is drawn."""
    if getattr(_mine, "has_one", False) or not _turns.acquire(timeout=_PATIENCE):
        yield
        return
    _mine.has_one = True
    try:
        yield
    finally:
        if _mine.has_one:
            _mine.has_one = False
            _turns.release()


def give_up_turn() -> None:
    """Let other pages be drawn: before waiting for something. The rest is drawn without a turn."""
    if getattr(_mine, "has_one", False):
        _mine.has_one = False
        _turns.release()
