"""Which process works on a run, named so that a reused process number is never taken for it."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path


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
