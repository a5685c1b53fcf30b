"""A process that answers a line with a line, as seen by the one that asks it: it may be killed.

What such a process works on may take for ever, take all memory, or bring it down.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import IO

from core.errors import ResourceError

_ROOT = str(Path(__file__).resolve().parent.parent)

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
        paths = filter(None, (_ROOT, os.environ.get("PYTHONPATH")))
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
