"""Only one process works on a run: a lock of the kernel's, which a kill -9 releases as well."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from core.errors import RunError

if sys.platform != "win32":
    import fcntl

_NAME = "run.lock"


@contextmanager
def hold(folder: Path, seconds: float) -> Iterator[None]:
    """Hold a run's lock, waited for `seconds` at most.

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
                # Shared: readers do not see each other, and a child that starts waits a moment.
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            except OSError:  # a disk without such locks: filelock has another kind there
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
    """A process of some machine. `birth` is its start in clock ticks since boot; None: unknown."""

    pid: int
    host: str
    birth: str | None

    @staticmethod
    def of(pid: int) -> ProcessName:
        """A process of this machine."""
        found = _stat(pid)
        return ProcessName(pid, platform.node(), None if found is None else found[1])

    @property
    def is_alive(self) -> bool | None:
        """Whether it still runs here; None when that can't be known: it is of another machine."""
        if self.host != platform.node():
            return None
        found = _stat(self.pid)
        if found is not None:
            state, birth = found
            return state not in "ZX" and self.birth in (None, birth)
        if Path("/proc/self/stat").exists():
            return False
        if sys.platform == "win32":  # where signal 0 would end it
            return None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except OSError:
            return True  # there is one, of another person
        return True


def _stat(pid: int) -> tuple[str, str] | None:
    """State letter and start time of a process, on Linux."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # a command name may hold spaces and brackets
    return fields[0], fields[19]
