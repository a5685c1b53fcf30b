"""`python -m benchmarks.large_run [CHAINS]`: the time and memory that a large evaluation takes: to
list it, to open it with the table of its problems, to resume it. Its chains are drawn at random,
with ids of the demo's vocabulary; nothing is decoded but the unit that a resume finds missing."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from core.evaluation.records import ProblemSamples, Sample
from core.evaluation.task import EVALUATE, plan_evaluation
from core.models.spec import DEMO, ModelSpec
from core.problems.problem_sets import DEMO_PROBLEMS, read_problems
from core.records import Problem, StopReason, Verdict
from core.runs.checkpoint import json_bytes
from core.runs.problem_units import problem_units
from core.runs.run import Run

SAMPLES, TOKENS, VOCABULARY = 8, 100, 900
OPEN, RESUME, MEMORY = 3.0, 10.0, 1.0  # seconds, seconds, GB: the targets

_LIST = """
from core.runs.runs_folder import RunsFolder
from explorer.runs.run_facts import run_facts
for run in RunsFolder(Path(folder)).list():
    run.status(), run_facts(run)
"""
_OPEN = """
import json
from core.runs.runs_folder import RunsFolder
from explorer.evaluate.problems import read_stored
(run,) = RunsFolder(Path(folder)).list()
found = read_stored(str(run.folder), 0, (), ())
print(len(json.dumps(found.table.message)) // 1000, "kB to the browser", file=sys.stderr)
"""
_MEASURED = """
import sys, time
from pathlib import Path
import psutil
folder = {folder!r}
import explorer.evaluate.problems, explorer.runs.run_facts, core.evaluation.task
before, start = psutil.Process().memory_info().rss, time.perf_counter()
{code}
print(time.perf_counter() - start, psutil.Process().memory_info().rss - before, before)
"""


def main() -> None:
    """Make the run, measure, and print."""
    chains = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        run = made(Path(folder), chains)
        size = sum(each.stat().st_size for each in run.folder.iterdir())
        print(f"{chains:,} chains of {TOKENS} tokens, {size / 1e6:.0f} MB, ", end="")
        print(f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}:")
        seconds, _, _ = _measured(folder, _LIST)
        print(f"  listed    {seconds:6.2f} s")
        seconds, grown, base = _measured(folder, _OPEN)
        memory = (grown + base) / 1e9
        print(f"  opened    {seconds:6.2f} s, target {OPEN:g} s: {_met(seconds, OPEN)}")
        print(
            f"  memory    {memory:6.2f} GB, target {MEMORY:g} GB: {_met(memory, MEMORY)} "
            f"({base / 1e9:.2f} GB before it was opened)"
        )
        seconds = _resumed(run)
        print(f"  resumed   {seconds:6.2f} s to the next unit, target {RESUME:g} s: ", end="")
        print(_met(seconds, RESUME))


def made(folder: Path, chains: int) -> Run:
    """An evaluation on as many problems as it takes, of which the last unit is missing."""
    known = read_problems(DEMO_PROBLEMS)
    count = chains // SAMPLES
    problems = [
        Problem(f"p{number}", known[number % len(known)].question, "1", source="made")
        for number in range(count)
    ]
    settings = {"samples": SAMPLES, "max_new_tokens": TOKENS}
    run = Run.create(folder, EVALUATE.name, plan_evaluation(ModelSpec(DEMO), problems, settings))
    rng = random.Random(0)
    units = list(problem_units(problems))
    with run.units_path.open("wb") as file:
        for unit in units[:-1]:
            records = [_record(rng, problem.id).to_json() for problem in unit.problems]
            file.write(json_bytes({"unit": unit.key, "result": records}) + b"\n")
    return run


def _record(rng: random.Random, problem_id: str) -> ProblemSamples:
    def ids(n: int) -> tuple[int, ...]:
        return tuple(rng.choices(range(VOCABULARY), k=n))

    samples = [
        Sample(
            ids(TOKENS),
            str(rng.randrange(100)),
            rng.choice((Verdict.CORRECT, Verdict.WRONG)),
            boxed=True,
            stop_reason=StopReason.EOS,
            vote=0,
        )
        for _ in range(SAMPLES)
    ]
    return ProblemSamples(problem_id, None, ids(40), tuple(samples))


def _measured(folder: str, code: str) -> tuple[float, int, int]:
    """Seconds, bytes of memory that it took, and bytes before it, in a process of its own."""
    program = _MEASURED.format(folder=folder, code=code)
    found = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    seconds, grown, base = found.stdout.split()
    return float(seconds), int(grown), int(base)


def _resumed(run: Run) -> float:
    """Seconds from the start of `fork-explorer runs resume` until the missing unit is kept."""
    before = run.units_path.stat().st_size
    start = time.perf_counter()
    command = [sys.executable, "-m", "core.cli", "runs", "resume", run.id]
    command += ["--runs-dir", str(run.folder.parent)]
    process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(lambda: run.units_path.stat().st_size > before or process.poll() is not None)
        if run.units_path.stat().st_size <= before:
            raise RuntimeError("The run ended without another unit.")
        return time.perf_counter() - start
    finally:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
        process.wait()


def _wait(until: Callable[[], bool]) -> None:
    while not until():
        time.sleep(0.02)


def _met(found: float, target: float) -> str:
    return "met" if found < target else "MISSED"


if __name__ == "__main__":
    main()
