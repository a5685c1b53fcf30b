"""The app on a server of its own, with a home of its own, for benchmarks in a browser."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.classroom.room import ROOM

ROOT = Path(__file__).resolve().parents[1]
_MOST = 300.0  # seconds until a server counts as not started


@contextmanager
def served_app(
    home: Path, root: Path = ROOT, room: Path | None = None
) -> Iterator[tuple[str, float]]:
    """A server that has just begun to answer: its address, and when its process was started.

    Args:
        home: for its runs and sessions.
        root: of the checkout that is served.
        room: the folder of a class, to serve it instead of the plain app.

    Raises:
        RuntimeError: it did not start.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    script = root / "explorer" / ("app.py" if room is None else "served.py")
    command = [sys.executable, "-P", "-m", "streamlit", "run", str(script)]
    command += ["--server.port", str(port), "--server.headless", "true"]
    more = {"FORK_EXPLORER_HOME": str(home), "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(root)}
    if room is not None:
        more[ROOM] = str(room)
    began = time.monotonic()
    server = subprocess.Popen(
        command,
        cwd=root / "explorer",
        env=os.environ | more,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        while not _answers(url):
            if time.monotonic() - began > _MOST or server.poll() is not None:
                raise RuntimeError("The server did not start.")
            time.sleep(0.02)
        yield url, began
    finally:
        server.terminate()
        server.wait()


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(f"{url}/_stcore/health", timeout=1).close()
    except OSError:
        return False
    return True
