"""Only one process works on a run: a kernel lock, which even kill -9 releases."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from core.errors import RunError

if sys.platform != "win32":
    import fcntl

_NAME = "run.lock"


@contextmanager
def hold(folder: Path, seconds: float) -> Iterator[None]:
    """Hold a run's lock; waits for it at most `seconds`.

    Raises:
        RunError: another process holds it, or the folder can't be written.
    """
    lock = FileLock(folder / _NAME, is_singleton=False)
    try:
        lock.acquire(timeout=seconds)
    except Timeout as error:
        raise RunError(
            f"The run {folder.name} is running already.", "Wait for it, or cancel it."
        ) from error
    except OSError as error:
        raise RunError(
            f"{folder} can't be written ({error.strerror or error}).",
            "Copy the run to a folder that you may write to.",
        ) from error
    try:
        yield
    finally:
        lock.release()


def is_held(folder: Path) -> bool:
    """Whether a process of this machine works on the run now; writes nothing."""
    path = folder / _NAME
    if sys.platform == "win32":
        return _is_held_by_trying(path)
    try:
        with path.open("rb") as file:
            try:
                # Shared, so that readers don't block each other; a starting child waits a moment.
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            except OSError:  # a file system without flock: filelock then uses another lock
                return _is_held_by_trying(path)
    except OSError:
        return False
    return False


def _is_held_by_trying(path: Path) -> bool:
    if not path.exists():
        return False
    try:
        with FileLock(path, is_singleton=False).acquire(timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False


@dataclass(frozen=True)
class ProcessName:
    """A process of some machine. `birth` is its start time (see `_birth`); None when unknown."""

    pid: int
    host: str
    birth: str | None

    @staticmethod
    def of(pid: int) -> ProcessName:
        """A process of this machine."""
        try:
            birth = _birth(psutil.Process(pid))
        except psutil.Error:
            birth = None
        return ProcessName(pid, platform.node(), birth)

    @property
    def is_alive(self) -> bool | None:
        """Whether this process still runs on this machine; a zombie doesn't.

        None when unknown: it is of another machine, or its start time is unknown, so that its
        PID may have been reused.
        """
        if self.host != platform.node():
            return None
        try:
            process = psutil.Process(self.pid)
            if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
                return False
            return None if self.birth is None else self.birth == _birth(process)
        except (psutil.NoSuchProcess, ValueError):  # ValueError: a negative PID
            return False
        except psutil.AccessDenied:
            return None


def _birth(process: psutil.Process) -> str:
    """The start time of a process, the same whenever and by whichever process it is read.

    On Linux in clock ticks since boot, from the kernel: psutil's `create_time` moves when the
    system clock is set. Elsewhere in seconds since 1970.
    """
    began: float = process.create_time()
    if psutil.LINUX:
        return str(round((began - psutil.boot_time()) * os.sysconf("SC_CLK_TCK")))
    return f"{began:.2f}"
