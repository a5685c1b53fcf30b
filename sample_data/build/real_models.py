"""Measures a real language model and writes the tables of docs/real_models.md.

    python sample_data/build/real_models.py RUNS [--stage STAGE ...] [--write]

Runs are kept in the folder RUNS, one a measurement; finished ones are not done again, and Ctrl+C
loses at most the unit at work. The sizes apply to runs that are made by this call: a run that is
there keeps its own. `--stage` without a name makes no run. With --write the tables of all finished
runs go into docs/real_models.md and sample_data/word_problems/README.md; they are printed anyway.

A small machine begins with the cheap stages, and with few problems:

    python sample_data/build/real_models.py RUNS --stage demo greedy --problems 60
    python sample_data/build/real_models.py RUNS --stage tune --arms plain random --seeds 0

On a GPU, which a small model leaves idle most of the time, several runs at once are faster; each
has a process of its own, and a log beside its folder:

    python sample_data/build/real_models.py RUNS --at-once 12 --batch 256 --problems 300
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from measure import write_card  # noqa: E402
from real_stages import ARMS, STAGES, planned  # noqa: E402
from real_tables import SEEDS, by_level, report  # noqa: E402
from run_at_once import run_at_once  # noqa: E402

DOCUMENT = ROOT / "docs" / "real_models.md"
WORD_PROBLEMS_CARD = ROOT / "sample_data" / "word_problems" / "README.md"
MARKERS = ("<!-- measured: begin -->", "<!-- measured: end -->")


def main() -> None:
    """Make the runs of the stages, then print the tables of all runs, and write them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", type=Path)
    parser.add_argument(
        "--stage", nargs="*", choices=STAGES, default=list(STAGES), help="in the order given"
    )
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--problems", type=int, help="test problems of each new run")
    parser.add_argument("--learned", type=int, help="training problems that are rolled out")
    parser.add_argument(
        "--mixed", type=int, help="problems with right and wrong rollouts that are learned from"
    )
    parser.add_argument("--held-out", type=int, help="training problems that choose a checkpoint")
    parser.add_argument("--samples", type=int, help="of a test problem before and after training")
    parser.add_argument("--batch", type=int, help="chains decoded at once")
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=list(SEEDS), help="of the stage tune"
    )
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--svamp", type=Path, help="SVAMP's file, for the stage svamp")
    parser.add_argument("--at-once", type=int, default=1, help="runs at work at a time")
    parser.add_argument("--only", help=argparse.SUPPRESS)  # one run, of the process that makes it
    parser.add_argument("--write", action="store_true", help="write the tables into the documents")
    given = parser.parse_args()
    jobs = planned(given)
    if given.only is not None:
        jobs[given.only].make()
        return
    failed: dict[str, str] = {}
    if given.at_once > 1:
        needs = {name: job.needs for name, job in jobs.items()}
        failed = run_at_once(needs, lambda name: in_a_process(given.runs, name), given.at_once)
    else:
        for job in jobs.values():
            job.make()
    tables, levels = report(given.runs), by_level(given.runs)
    print(tables, levels, sep="\n\n")
    if given.write:
        write_card(tables, MARKERS, DOCUMENT)
        write_card(levels, MARKERS, WORD_PROBLEMS_CARD)
    if failed:
        raise SystemExit("\n".join(f"{name}: {why}" for name, why in failed.items()))


def in_a_process(runs: Path, name: str) -> subprocess.Popen[bytes]:
    """Start this script again for one run; what it says goes into a log beside the run's folder."""
    runs.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, __file__, *sys.argv[1:], "--only", name]
    with (runs / f"{name}.log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, process_group=0)


if __name__ == "__main__":
    main()
