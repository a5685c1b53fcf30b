"""A process that fetches or converts a model: both ends of its pipe.

The worker gets its request as JSON in its first argument and writes one JSON object per line:
`{"done": bytes, "total": bytes}` while it works, then `{"folder": path}` or
`{"fault": name, ...}`. It exits when its input closes.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, Protocol, TextIO

from core.errors import ExplorerError, ModelError
from core.system.child_process import launch, lines_of, python, replies_of_worker

_POLL_S = 0.1
DOWNLOADING, CONVERTING = "downloading", "converting"


class Report(Protocol):
    """Called with (bytes present, total bytes), both including what was already there."""

    def __call__(self, done: int, total: int, what: str = DOWNLOADING, /) -> None: ...


class DownloadCancelledError(ModelError):
    """The download or conversion was cancelled."""


def follow(
    module: str,
    request: Mapping[str, Any],
    *,
    report: Callable[[int, int], None] | None,
    cancelled: Callable[[], bool] | None,
    stopped: DownloadCancelledError,
    silent: ExplorerError,
    grace_s: float = 0.0,
    environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Run a worker to its last reply.

    Args:
        module: the worker's, such as "core.models.hub_worker".
        report: called from this thread.
        cancelled: polled; stops the worker when true.
        stopped: raised once a cancelled worker has ended.
        silent: raised when the worker ends without a last reply.
        grace_s: seconds the worker gets to clean up before it is killed.

    Raises:
        DownloadCancelledError: `stopped`.
        ExplorerError: `silent`.
    """
    worker = launch(python("-m", module, json.dumps(request)), environment=environment)
    replies = lines_of(worker)
    try:
        while True:
            if cancelled is not None and cancelled():
                raise stopped
            with contextlib.suppress(queue.Empty):
                line = replies.get(timeout=_POLL_S)
                if line is None:
                    raise silent
                reply: dict[str, Any] = json.loads(line)
                if "done" not in reply:
                    return reply
                if report is not None:
                    report(reply["done"], reply["total"])
    finally:
        _end(worker, grace_s)


def _end(worker: subprocess.Popen[bytes], grace_s: float) -> None:
    """Stop the worker, which exits when its input closes."""
    assert worker.stdin is not None
    with contextlib.suppress(OSError):
        worker.stdin.close()
    try:
        worker.wait(grace_s)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()


class FaultError(Exception):
    """A fault, which the parent process explains to the user."""

    def __init__(self, name: str, **facts: Any) -> None:
        super().__init__(name)
        self.reply = {"fault": name, **facts}


class _CancelledError(BaseException):
    """The parent closed the input or has died."""


_replies: TextIO | None = None


def reply(message: Mapping[str, Any]) -> None:
    """Write one line to the parent; called in a worker."""
    print(json.dumps(message), file=_replies or sys.stdout, flush=True)


def serve(
    work: Callable[[dict[str, Any]], Mapping[str, Any]],
    fault_of: Callable[[Exception], Mapping[str, Any]],
) -> None:
    """Be a worker: carry out the request of the first argument, and reply.

    Args:
        work: takes the request, returns the last reply.
        fault_of: the last reply for an error that is not a `FaultError`.
    """
    global _replies
    _replies = replies_of_worker()
    signal.signal(signal.SIGTERM, _cancel)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        reply(work(json.loads(sys.argv[1])))
    except _CancelledError:
        pass
    except FaultError as fault:
        reply(fault.reply)
    except Exception as error:
        reply(fault_of(error))


def _end_with_parent() -> None:
    """Wait for the end of the input, then interrupt the main thread."""
    sys.stdin.buffer.read()
    main_thread = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main_thread is not None:
        signal.pthread_kill(main_thread, signal.SIGTERM)
    else:
        os.kill(os.getpid(), signal.SIGTERM)


def _cancel(signal_number: int, frame: FrameType | None) -> None:
    raise _CancelledError
