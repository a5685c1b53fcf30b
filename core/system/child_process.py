"""Child processes that run this program's own modules: their start, and a worker of them.

A worker answers a line with a line and may be killed: what it works on may take for ever, take all
memory, or bring it down.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping, Sequence
from typing import IO, TextIO

from core.errors import ResourceError
from core.system.project_root import project_root

START_LIMIT_S = 60.0
"""Seconds a new worker may take until it is ready."""

Lines = queue.SimpleQueue[bytes | None]
"""The lines that a process wrote, and None at their end."""


def python(*arguments: str) -> list[str]:
    """The command of a Python for `launch`, such as python("-m", "core.cli")."""
    return [sys.executable, "-P", *arguments]  # -P: not the modules of the folder a person is in


def launch(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    log: IO[bytes] | None = None,
    own_session: bool = False,
    niceness: int = 0,
) -> subprocess.Popen[bytes]:
    """Start a process that finds `core` from whatever folder a person is in.

    Args:
        command: as of `python`.
        environment: variables beside those of this process.
        log: takes all that the process writes, and its input is empty. Without one its input and
            output are pipes, and what it writes as errors is dropped.
        own_session: Ctrl-C in this process's terminal is not meant for it.
        niceness: how far its priority is below this process's.

    Raises:
        OSError: it can't be started.
    """
    paths = filter(None, (str(project_root()), os.environ.get("PYTHONPATH")))
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE if log is None else subprocess.DEVNULL,
        stdout=subprocess.PIPE if log is None else log,
        stderr=subprocess.DEVNULL if log is None else log,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **(environment or {})},
        start_new_session=own_session,
    )
    if niceness:
        _lower_priority(process.pid, niceness)
    return process


def lines_of(process: subprocess.Popen[bytes]) -> Lines:
    """What a launched process writes, collected by a thread as it comes; half a line, which a
    process leaves that is killed, is left out."""
    assert process.stdout is not None
    lines: Lines = queue.SimpleQueue()
    threading.Thread(target=_collect, args=(process.stdout, lines), daemon=True).start()
    return lines


def _collect(stream: IO[bytes], lines: Lines) -> None:
    for line in stream:
        if line.endswith(b"\n"):
            lines.put(line)
    lines.put(None)
    stream.close()


def _lower_priority(pid: int, niceness: int) -> None:
    import psutil  # not for the workers, which import this module and start fast

    if psutil.POSIX:  # Windows has classes of priority instead
        with contextlib.suppress(psutil.Error, OSError):
            process = psutil.Process(pid)
            process.nice(process.nice() + niceness)


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
        process = launch(python(*command), environment={"PYTHONHASHSEED": "0"})
        assert process.stdin is not None
        self.process = process
        self._requests = process.stdin
        self.stop = weakref.finalize(self, _stop, process, os.getpid())  # at exit as well
        self._replies = lines_of(process)
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


def limit_memory(limit: int) -> None:
    """Bound the address space of this process, in bytes, where the system can."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    except (ImportError, OSError, ValueError):
        pass  # no such limit on this system; the time limit still holds


def replies_of_worker(memory_limit: int | None = None) -> TextIO:
    """Make this process a worker; returns where its replies go, since whatever a library prints
    must not mix with them.

    Args:
        memory_limit: bytes of address space it may take; any number if None.
    """
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    if memory_limit is not None:
        limit_memory(memory_limit)
    return replies
