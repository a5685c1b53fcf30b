"""Carry a coroutine out in a thread of its own, while this thread watches for a cancel."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

_T = TypeVar("_T")

_LOOK = 0.1  # seconds between two looks at the cancel

Call = Callable[[], None]
Here = Callable[[Call], None]
"""Has a function called in the thread that waits."""


def carried_out(
    work: Callable[[Here], Coroutine[Any, Any, _T]], cancel: Callable[[], bool]
) -> _T | None:
    """What a coroutine returns; None when cancelled. Works inside of another event loop, too.

    Args:
        work: makes the coroutine; called with a function that has others called in this thread.
        cancel: asked a few times a second; when true, the coroutine is cancelled.

    Raises:
        Exception: as the coroutine, or what it has called here.
    """
    calls: SimpleQueue[Call] = SimpleQueue()
    stop: list[Call] = []

    async def main() -> _T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        stop.append(lambda: (loop.call_soon_threadsafe(task.cancel), None)[1])
        return await work(calls.put)

    def end() -> None:
        with contextlib.suppress(IndexError, RuntimeError):  # not begun, or at its end already
            stop[0]()

    with ThreadPoolExecutor(1, "engine") as pool:
        future = pool.submit(lambda: asyncio.run(main()))
        try:
            while not future.done() or not calls.empty():
                with contextlib.suppress(Empty):
                    calls.get(timeout=_LOOK)()
                if cancel():
                    end()
            return future.result()
        except (asyncio.CancelledError, CancelledError):
            return None
        finally:
            end()
