"""Child processes that run this program's modules: launching them, and workers.

A worker answers requests line by line and may be killed, since its work may never end, exhaust
memory, or crash.
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
from core.system.launched import on_its_own
from core.system.project_root import project_root

START_LIMIT_S = 60.0
"""Seconds that a worker may take to start."""

Lines = queue.SimpleQueue[bytes | None]
"""The lines that a process wrote, then None."""


def python(*arguments: str) -> list[str]:
    """The command line of this Python for `launch`, such as python("-m", "core.cli")."""
    return [sys.executable, "-P", *arguments]  # -P: never import from the current folder


def launch(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    log: IO[bytes] | None = None,
    own_session: bool = False,
    niceness: int = 0,
) -> subprocess.Popen[bytes]:
    """Start a process that can import `core` from any current folder.

    Args:
        command: as returned by `python`.
        environment: variables added to those of this process.
        log: receives stdout and stderr; stdin is then empty. Without a log, stdin and stdout are
            pipes and stderr is discarded.
        own_session: start a new session, so that Ctrl-C in this terminal doesn't reach it.
        niceness: how much its priority is lowered.

    Raises:
        OSError: it can't be started.
    """
    paths = filter(None, (str(project_root()), os.environ.get("PYTHONPATH")))
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE if log is None else subprocess.DEVNULL,
        stdout=subprocess.PIPE if log is None else log,
        stderr=subprocess.DEVNULL if log is None else log,
        env={**on_its_own(os.environ), "PYTHONPATH": os.pathsep.join(paths), **(environment or {})},
        start_new_session=own_session,
    )
    if niceness:
        _lower_priority(process.pid, niceness)
    return process


def lines_of(process: subprocess.Popen[bytes]) -> Lines:
    """The output lines of a launched process, collected by a thread. An incomplete last line, as a
    killed process leaves, is dropped."""
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
    import psutil  # imported lazily: workers import this module and must start fast

    if psutil.POSIX:  # Windows has priority classes instead
        with contextlib.suppress(psutil.Error, OSError):
            process = psutil.Process(pid)
            process.nice(process.nice() + niceness)


class WorkerGoneError(Exception):
    """The worker's pipe closed: it crashed or was killed."""


class Worker:
    """A worker process that is ready to serve: it has written its first line.

    Args:
        command: arguments for Python, such as ("-m", "core.answers.worker").
        purpose: what the process does, for the error message if it doesn't start.
        remedy: what to do in that case.

    Raises:
        ResourceError: the process doesn't start.
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
        """Wait for the next reply.

        Raises:
            queue.Empty: no reply within `limit_s` seconds.
            WorkerGoneError: the process ended.
        """
        reply = self._replies.get(timeout=limit_s)
        if reply is None:
            raise WorkerGoneError
        return reply


def _stop(process: subprocess.Popen[bytes], owner: int) -> None:
    if os.getpid() != owner:  # a forked child must not stop its parent's worker
        return
    process.kill()
    process.wait()
    try:
        if process.stdin is not None:
            process.stdin.close()
    except OSError:
        pass  # unsent requests


def limit_memory(limit: int) -> None:
    """Bound the address space of this process, in bytes, where the system can."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    except (ImportError, OSError, ValueError):
        pass  # this system has no such limit; the time limit still holds


def replies_of_worker(memory_limit: int | None = None) -> TextIO:
    """Make this process a worker; returns the stream for its replies, separate from anything that
    libraries print.

    Args:
        memory_limit: bytes of address space; None: unlimited.
    """
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by the parent
    if memory_limit is not None:
        limit_memory(memory_limit)
    return replies
