"""A process that answers a line with a line, as seen by the one that asks it: it may be killed.

What such a process works on may take for ever, take all memory, or bring it down.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import weakref
from typing import IO, TextIO

from core.errors import ResourceError
from core.system.project_root import project_root

START_LIMIT_S = 60.0
"""Seconds a new worker may take until it is ready."""


class WorkerGoneError(Exception):
    """The worker's pipe closed: it crashed, or somebody killed it."""


class Worker:
    """One such process, ready to serve: it has written its first line.

    Args:
        command: the arguments of a Python that finds `core`, such as ("-m", "core.answers.worker").
        purpose: what it does, for the message when it doesn't start.
        remedy: what to do then.

    Raises:
        ResourceError: when it doesn't start.
    """

    def __init__(self, *command: str, purpose: str, remedy: str) -> None:
        paths = filter(None, (str(project_root()), os.environ.get("PYTHONPATH")))
        process = subprocess.Popen(
            [sys.executable, "-P", *command],  # -P: not the modules of the folder a person is in
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": os.pathsep.join(paths)},
        )
        assert process.stdin is not None
        assert process.stdout is not None
        self.process = process
        self._requests = process.stdin
        self._replies: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.stop = weakref.finalize(self, _stop, process, os.getpid())  # at exit as well
        arguments = (process.stdout, self._replies)
        threading.Thread(target=_collect, args=arguments, daemon=True).start()
        try:
            self.receive(START_LIMIT_S)
        except (queue.Empty, WorkerGoneError) as error:
            self.stop()
            raise ResourceError(f"The process that {purpose} doesn't start.", remedy) from error

    def send(self, request: bytes) -> None:
        try:
            self._requests.write(request)
            self._requests.flush()
        except OSError as error:
            raise WorkerGoneError from error

    def receive(self, limit_s: float) -> bytes:
        """The next reply; queue.Empty when it takes longer."""
        reply = self._replies.get(timeout=limit_s)
        if reply is None:
            raise WorkerGoneError
        return reply


def _collect(stream: IO[bytes], replies: queue.SimpleQueue[bytes | None]) -> None:
    for line in stream:
        replies.put(line)
    replies.put(None)
    stream.close()


def _stop(process: subprocess.Popen[bytes], owner: int) -> None:
    if os.getpid() != owner:  # a forked child has no right to its parent's worker
        return
    process.kill()
    process.wait()
    try:
        if process.stdin is not None:
            process.stdin.close()
    except OSError:
        pass  # what was still to be sent to it


def _limit_memory(limit: int) -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    except (ImportError, OSError, ValueError):
        pass  # no such limit on this system; the time limit still holds


def replies_of_worker(memory_limit: int) -> TextIO:
    """Make this process a worker of limited memory; returns where its replies go, since whatever a
    library prints must not mix with them."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    _limit_memory(memory_limit)
    return replies
