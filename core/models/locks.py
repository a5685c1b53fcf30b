"""Locks of models: each in the order in which it was asked for, several in one order of their own,
which avoids deadlocks."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

_POLL_S = 0.1  # seconds between polls of `cancel` while waiting for a lock


class FairLock:
    """A lock that its owner may take again, and that goes to who has waited longest.

    A thread that gives up Python's own lock and takes it again at once leaves those that wait with
    nothing: the batch of many sessions does so between its steps.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._owner: int | None = None  # the thread's identifier
        self._depth = 0
        self._waiting: deque[tuple[int, threading.Event]] = deque()

    @property
    def is_mine(self) -> bool:
        """Whether the calling thread holds it."""
        return self._owner == threading.get_ident()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take it, as `threading.RLock.acquire`."""
        me = threading.get_ident()
        with self._guard:
            if self._owner == me:
                self._depth += 1
                return True
            if self._owner is None:
                self._owner, self._depth = me, 1
                return True
            if not blocking:
                return False
            turn = threading.Event()
            ticket = (me, turn)
            self._waiting.append(ticket)
        if turn.wait(None if timeout < 0 else timeout):
            return True
        with self._guard:
            if turn.is_set():  # it was handed over just now
                return True
            self._waiting.remove(ticket)
            return False

    def release(self) -> None:
        """Give it up once; the last time it goes to who has waited longest.

        Raises:
            RuntimeError: the calling thread doesn't hold it.
        """
        with self._guard:
            if self._owner != threading.get_ident():
                raise RuntimeError("a lock is given up by the thread that holds it")
            self._depth -= 1
            if self._depth:
                return
            self._owner = None
            if self._waiting:
                self._owner, turn = self._waiting.popleft()
                self._depth = 1
                turn.set()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


@contextmanager
def hold(
    models: Sequence[LanguageModel], cancel: Callable[[], bool] = lambda: False
) -> Iterator[bool]:
    """Hold the locks of all models, acquired in the same order whatever order they are given in.

    Args:
        cancel: polled while waiting.

    Yields:
        True with all locks held; False when cancelled, with none held.
    """
    with ExitStack() as held:
        for lock in sorted((model.lock for model in models), key=id):
            while not lock.acquire(timeout=_POLL_S):
                if cancel():
                    held.close()
                    yield False
                    return
            held.callback(lock.release)
        yield True
