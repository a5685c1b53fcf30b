"""`python -m benchmarks.ray_workers`: two workers of a Ray cluster against one process.

An evaluation of the demo, one thread each: by one process, and by two workers of a cluster that is
started for it on this machine. Both are the program's own command, and their units are compared.
Prints the time of the whole command, and without its start: that of the last two thirds of the
problems, when both workers have loaded the model. Needs Ray, and two cores that nothing else uses.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

TARGET = 0.6  # two workers / one process, when both work
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"}


def evaluated(folder: Path, problems: int, samples: int, *more: str) -> tuple[float, float]:
    """Seconds of the command, and of the last two thirds of its work."""
    command = [sys.executable, "-m", "core.cli", "evaluate", "--run", str(folder), "--device"]
    command += ["cpu", "--dtype", "float32", "--sample", str(problems), "-n", str(samples)]
    command += ["--temperature", "0.8", "--json", *more]
    begun = time.perf_counter()
    subprocess.run(command, env=os.environ | _ONE_THREAD, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begun, _work(folder)


def _work(folder: Path) -> float:
    """Seconds of the last two thirds of the problems, by the run's own events."""
    lines = (folder / "progress.jsonl").read_text(encoding="utf-8").splitlines()
    events = [each for line in lines if (each := json.loads(line)).get("total")]
    first = next(each for each in events if each["done"] >= each["total"] / 3)
    last = next(each for each in events if each["done"] == each["total"])
    took = datetime.fromisoformat(last["time"]) - datetime.fromisoformat(first["time"])
    seconds = took.total_seconds() * 2 / 3 / (1 - first["done"] / first["total"])
    return float(seconds)


class Cluster:
    """A Ray head node with two CPUs, as long as the context lasts."""

    def __enter__(self) -> str:
        self._folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # sockets need short names
        log = Path(self._folder) / "start.txt"
        options = ["--num-cpus=2", "--port=0", "--include-dashboard=false", "--block"]
        options += ["--object-store-memory=100000000", f"--temp-dir={self._folder}"]
        with log.open("w") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", *options],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=os.environ | _ONE_THREAD | {"PYTHONPATH": os.pathsep.join(sys.path)},
            )
        while self._process.poll() is None:
            found = re.search(r"--address='([0-9.]+:[0-9]+)'", log.read_text())
            if found and "runtime started" in log.read_text():
                return found[1]
            time.sleep(0.3)
        raise SystemExit(log.read_text())

    def __exit__(self, *_: object) -> None:
        self._process.terminate()  # with --block it ends what it started
        self._process.wait(60)
        shutil.rmtree(self._folder, ignore_errors=True)


def main() -> None:
    """Alternate one process and two workers, and print the ratios."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ray_workers", description=__doc__)
    parser.add_argument("--problems", type=int, default=192, help="default 192")
    parser.add_argument("--samples", type=int, default=8, help="default 8")
    parser.add_argument("--rounds", type=int, default=1, help="default 1")
    arguments = parser.parse_args()
    if find_spec("ray") is None:
        raise SystemExit('Ray is not installed: pip install "decision-fork-explorer[ray]"')
    asked = arguments.problems, arguments.samples
    print(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}; {asked[0]} x {asked[1]} chains")
    for number in range(arguments.rounds):
        with tempfile.TemporaryDirectory() as name:
            one, two = Path(name) / "one", Path(name) / "two"
            alone, alone_work = evaluated(one, *asked)
            with Cluster() as address:
                both, both_work = evaluated(two, *asked, "--ray", address, "--workers", "2")
            same = (one / "units.jsonl").read_bytes() == (two / "units.jsonl").read_bytes()
        ratio = both_work / alone_work
        print(
            f"round {number + 1}: one process {alone:.1f} s (work {alone_work:.1f} s), two workers "
            f"{both:.1f} s (work {both_work:.1f} s): {both / alone:.2f} with the start, "
            f"{ratio:.2f} without, target <= {TARGET}, {'met' if ratio <= TARGET else 'NOT met'}; "
            f"units {'equal' if same else 'DIFFERENT'}",
            flush=True,
        )


if __name__ == "__main__":
    main()
