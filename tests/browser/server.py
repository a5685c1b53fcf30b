"""Streamlit servers for the tests that need to see a real page."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WITH_FORKED_RUNS = Path(__file__).with_name("streamlit_with_forked_runs.py")
START_SECONDS = 300  # only a failure takes so long


def start_server(
    app: Path, env: dict[str, str], log: Path, *, forked_runs: bool = False
) -> tuple[subprocess.Popen[bytes], str]:
    """A server of one's own, to be ended by who asked for it; returns it with its address.

    `forked_runs`: the processes of its runs start at once (streamlit_with_forked_runs.py).
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = [str(WITH_FORKED_RUNS)] if forked_runs else ["-m", "streamlit"]
    command = [sys.executable, "-P", *program, "run", str(app)]
    command += ["--server.port", str(port), "--server.headless", "true"]
    command += ["--server.fileWatcherType", "none", "--server.address", "127.0.0.1"]
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **env}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT / "explorer",  # whose settings hold for the test pages too
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
                return process, url
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    process.kill()
    raise RuntimeError(f"The server did not start:\n{log.read_text(errors='replace')}")


def end_server(process: subprocess.Popen[bytes]) -> None:
    """End a server, and wait for its end."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
