"""Streamlit, whose runs start without the seconds that a process takes to import torch.

They are forked from a process that has imported everything and has run nothing; a run's own
process, its command, its log and its priority are what `core.system.child_process.launch` makes of
them. That function itself starts the runs of the servers that `start_server` is asked for without
`forked_runs`, and those of the tests in tests/core.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import IO, Any

import psutil

from core.runs import jobs
from core.system.child_process import python


class ForkedProcess:
    """What `core.runs.jobs` needs of a `subprocess.Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def poll(self) -> int | None:
        return None if psutil.pid_exists(self.pid) else 0

    def wait(self) -> None:
        while self.poll() is None:
            time.sleep(0.2)

    def terminate(self) -> None:
        os.kill(self.pid, signal.SIGTERM)


class Forker:
    """The process that forks, started with the first run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def launch(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        log: IO[bytes],
        own_session: bool,
        niceness: int,
    ) -> ForkedProcess:
        start = python("-m", "core.cli")
        assert list(command[: len(start)]) == start
        assert own_session
        request = {
            "arguments": list(command[len(start) :]),
            "environment": {**os.environ, **environment},
            "folder": os.getcwd(),
            "log": os.path.abspath(log.name),
            "niceness": niceness,
        }
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", __file__, "--fork"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            print(json.dumps(request), file=self._process.stdin, flush=True)
            return ForkedProcess(int(self._process.stdout.readline()))


def fork_on_request() -> None:
    """Fork a child for every line of stdin, and write its number, until stdin ends."""
    import transformers

    from core import cli  # noqa: F401 - a child finds it here
    from core.kinds import KINDS

    for kind in KINDS.values():
        kind.load()
    for name in ("Qwen3ForCausalLM", "Trainer"):  # transformers imports them when they are named
        getattr(transformers, name)
    gc.freeze()  # a child that searches for garbage copies no page of these
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children that have ended leave no zombies
    for line in sys.stdin:
        request = json.loads(line)
        log = os.open(request["log"], os.O_WRONLY | os.O_APPEND)
        pid = os.fork()
        if pid == 0:
            _become(request, log)
        os.close(log)
        print(pid, flush=True)


def _become(request: dict[str, Any], log: int) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.nice(request["niceness"])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
    sys.argv = ["fork-explorer", *request["arguments"]]
    code: Any = 1
    try:
        from core.cli import main

        main()
    except SystemExit as ended:
        code = ended.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    if sys.argv[1:] == ["--fork"]:
        fork_on_request()
    else:
        from streamlit.web.cli import main

        jobs.launch = Forker().launch  # type: ignore[assignment]
        main(prog_name="streamlit")
