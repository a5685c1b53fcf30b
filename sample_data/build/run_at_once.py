"""Makes several runs at once, each in a process of its own, as early as their needs allow."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence

_POLL = 0.2  # seconds

Start = Callable[[str], "subprocess.Popen[bytes]"]
"""Starts the process that makes a run, by the run's name."""


def run_at_once(needs: Mapping[str, Sequence[str]], start: Start, at_once: int) -> dict[str, str]:
    """Make all runs; one that fails takes only those with it that need it.

    When this process is interrupted or terminated, the others are terminated and waited for.

    Args:
        needs: of every run, in the order to begin them: the runs that must be made before. Names
            that are not among the runs are taken for made.
        start: starts one.
        at_once: number of processes at work at a time.

    Returns:
        Why, of every run that was not made.
    """
    waiting = {name: [each for each in own if each in needs] for name, own in needs.items()}
    working: dict[str, subprocess.Popen[bytes]] = {}
    made: set[str] = set()
    failed: dict[str, str] = {}
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        while waiting or working:
            for name in [each for each, process in working.items() if process.poll() is not None]:
                code = working.pop(name).returncode
                if code == 0:
                    made.add(name)
                else:
                    failed[name] = f"ended with code {code}"
            for name in list(waiting):
                broken = [each for each in waiting[name] if each in failed]
                if broken:
                    failed[name] = f"needs {', '.join(broken)}"
                    del waiting[name]
                elif len(working) < at_once and made.issuperset(waiting[name]):
                    working[name] = start(name)
                    del waiting[name]
            time.sleep(_POLL if working else 0)
    finally:
        for process in working.values():
            process.terminate()  # a background process may ignore interrupts
        for process in working.values():
            process.wait()
        signal.signal(signal.SIGTERM, before)
    return failed
