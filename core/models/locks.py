"""Acquire the locks of several models in a fixed order, which avoids deadlocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

_POLL_S = 0.1  # seconds between polls of `cancel` while waiting for a lock


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
