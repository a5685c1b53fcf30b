"""The server's side of a run: start its child process, and ask it to stop.

The child outlives the server that started it; its state is in the run's folder.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import threading
from pathlib import Path

from core.errors import RunError
from core.runs.context import LAUNCH
from core.runs.events import Event
from core.runs.liveness import ProcessName, is_held
from core.runs.run import Run
from core.runs.status import processes
from core.system.child_process import launch, python

_NICENESS = 10  # pages must stay responsive while runs work

_starting = threading.Lock()
_children: dict[Path, subprocess.Popen[bytes]] = {}


def start(run: Run, *, resume: bool = False, trust_remote_code: bool = False) -> None:
    """Start a run in a child process; returns at once. Follow it with `run.status()`.

    The child has this process's working directory, so relative paths mean the same to both.

    Args:
        run: a run that is not at work.
        resume: continue a run that was started before.
        trust_remote_code: the person allows the model's own Python code. The run's folder, which
            may come from another machine, can't allow it.

    Raises:
        RunError: it is at work, was started before and `resume` is not set, or no process can be
            started.
    """
    with _starting:
        if run.status().state.is_live:
            raise RunError(f"The run {run.id} is running already.", "Wait for it, or cancel it.")
        if run.has_begun and not resume:
            raise RunError(f"The run {run.id} was started before.", "Resume it, or repeat it.")
        token = secrets.token_hex(8)
        try:
            run.log.cut_half_line()
            run.log.append(Event(event="launched", launch=token))
            child = _spawn(run, token, _options(resume, trust_remote_code))
        except OSError as error:
            with contextlib.suppress(OSError):
                run.log.append(
                    Event(
                        event="ended",
                        state="failed",
                        error=f"No process could be started ({error.strerror or error}).",
                        remedy="Make room on the disk and in memory, then start it again.",
                    )
                )
            raise RunError(
                f"The run {run.id} can't be started ({error.strerror or error}).",
                "Make room on the disk and in memory, then start it again.",
            ) from error
        _children[run.folder.resolve()] = child
        # Reap the child: as a zombie it would look alive.
        threading.Thread(target=child.wait, name=f"wait for {run.id}", daemon=True).start()
        name = ProcessName.of(child.pid)
        with contextlib.suppress(OSError):  # then the child's first event has it
            run.log.append(
                Event(event="spawned", launch=token, pid=name.pid, birth=name.birth, host=name.host)
            )


def cancel(run: Run) -> bool:
    """Ask a run to stop; finished units are kept. Does nothing if the run is not at work.

    The current unit gets `core.runs.context.GRACE` seconds to finish; none after a second call.

    Returns:
        Whether there was something to stop.
    """
    if not run.status().state.is_live:
        return False
    with contextlib.suppress(OSError):  # disk full: the signal must suffice
        run.log.append(Event(event="cancel"))
    # Only signal a process that is known to work on the run, or that is our own child. A child
    # that doesn't handle signals yet finds the event when it starts.
    if is_held(run.folder):
        with contextlib.suppress(OSError):
            for process in processes(run.log.read()):
                if process.is_alive:
                    os.kill(process.pid, signal.SIGINT)
                    break
    else:
        child = _children.get(run.folder.resolve())
        if child is not None and child.poll() is None:
            with contextlib.suppress(OSError):
                child.terminate()  # SIGINT may be ignored, if a script started the server
    return True


def _options(resume: bool, trust_remote_code: bool) -> list[str]:
    return ["--resume"] * resume + ["--trust-remote-code"] * trust_remote_code


def _spawn(run: Run, token: str, options: list[str]) -> subprocess.Popen[bytes]:
    with run.log_path.open("ab") as log:
        return launch(
            [*_command(run), *options],
            environment={LAUNCH: token, "PYTHONUNBUFFERED": "1"},
            log=log,
            own_session=True,  # so that Ctrl-C at the server doesn't reach the run
            niceness=_NICENESS,
        )


def _command(run: Run) -> list[str]:
    return python("-m", "core.cli", run.config.task, "--run", str(run.folder.resolve()))
