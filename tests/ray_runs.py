"""A Ray cluster of the tests' own on this machine, and runs on it in processes that die."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

import psutil
from killable import die_at_line
from small_runs import UNIT

from core.kinds import KINDS
from core.runs import problem_units
from core.runs.context import RunContext, carry_out
from core.runs.ray_crew import RayCrew
from core.runs.run import Run


class Cluster:
    """A head node with two CPUs, which ends with `kill`."""

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # sockets need short names
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        self._log = Path(self._folder) / "start.txt"
        with self._log.open("w") as log:
            self._process = psutil.Popen(
                [
                    *(sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block"),
                    *("--num-cpus=2", "--port=0", "--include-dashboard=false"),
                    *("--object-store-memory=100000000", f"--temp-dir={self._folder}"),
                    "--node-ip-address=127.0.0.1",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        self.address = self._address()

    def _address(self) -> str:
        while self._process.poll() is None:
            found = re.search(r"--address='([0-9.]+:[0-9]+)'", self._log.read_text())
            if found and "runtime started" in self._log.read_text():
                return found[1]
            try:
                self._process.wait(0.3)
            except psutil.TimeoutExpired:
                continue
        raise AssertionError(self._log.read_text())

    def workers(self) -> list[psutil.Process]:
        """The processes that hold models."""
        found = []
        for each in self._process.children(recursive=True):
            try:
                if "RayWorker" in " ".join(each.cmdline()):
                    found.append(each)
            except psutil.Error:
                continue
        return found

    def kill(self) -> None:
        """SIGKILL for all of its processes."""
        for each in [self._process, *self._process.children(recursive=True)]:
            try:
                each.kill()
            except psutil.NoSuchProcess:
                continue
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def work_on(address: str, work: RunContext, workers: int = 2) -> None:
    """The work of a run, on a cluster."""
    entry = KINDS[work.run.config.task]
    work.crew = RayCrew(address, entry.place, workers)
    entry.load().carry_out(work)


def in_a_child(folder: Path, address: str, line: int | None) -> NoReturn:
    """Carry a run out on a cluster; die by SIGKILL in the middle of writing a unit's line."""
    problem_units.PROBLEMS_A_UNIT = UNIT
    run = Run.open(folder)
    if line is not None:
        die_at_line(run.units_path, line)
    os._exit(carry_out(run, lambda work: work_on(address, work), bar=False))
