"""Tunes the demo model with its preset and its controls and writes the model card's table.

    python sample_data/build/tune.py RUNS [--card]

Runs are kept in the folder RUNS, one an arm and seed; those that are there are not done again.
Prints the table; with --card also writes it into sample_data/README.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from measure import write_card  # noqa: E402

from core.models.spec import ModelSpec  # noqa: E402
from core.problems.problem_sets import demo_problems, demo_training_problems  # noqa: E402
from core.reasonmaxxer.plan import plan_training  # noqa: E402
from core.reasonmaxxer.recipe import recipe_of  # noqa: E402
from core.reasonmaxxer.results import TrainingResults  # noqa: E402
from core.reasonmaxxer.task import TRAIN  # noqa: E402
from core.runs.context import DONE, carry_out  # noqa: E402
from core.runs.run import Run  # noqa: E402
from core.runs.settings import changed  # noqa: E402

SEEDS = (0, 1, 2)
ARMS: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("the demo preset: gate H > 1.0 nats", {}),
    "random": ("control: as many tokens a rollout, drawn at random", {"gate.kind": "random"}),
    "positive": ("ablation: right rollouts only", {"selection.positive_only": True}),
    "shuffled": (
        "control: advantages shuffled within a problem",
        {"selection.shuffle_advantages": True},
    ),
}
MARKERS = ("<!-- tuned: begin -->", "<!-- tuned: end -->")


def main() -> None:
    """Tune, print, and with --card write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--card", action="store_true", help="write the table into the card")
    arguments = parser.parse_args()
    rows = [
        (ARMS[arm][0], seed, tuned(arguments.runs / f"{arm}-{seed}", arm, seed))
        for arm in ARMS
        for seed in SEEDS
    ]
    report = table(rows)
    print(report)
    if arguments.card:
        write_card(report, MARKERS)


def tuned(folder: Path, arm: str, seed: int) -> TrainingResults:
    """The results of one arm and seed; the run is made or gone on with where it must be."""
    if (folder / "config.json").exists():
        run = Run.open(folder)
    else:
        recipe = changed(recipe_of("demo"), {**ARMS[arm][1], "seed": seed})
        plan = plan_training(ModelSpec(), demo_training_problems(), demo_problems(), recipe)
        run = Run.create(folder.parent, TRAIN.name, plan, folder=folder)
    if TRAIN.results_of(run) is None and carry_out(run, TRAIN.carry_out, bar=True) != DONE:
        raise SystemExit(f"{folder} ended with: {run.status().error}")
    results = TRAIN.results_of(run)
    assert results is not None
    return results


def table(rows: list[tuple[str, int, TrainingResults]]) -> str:
    """One line an arm and seed, as markdown."""
    lines = [
        "| arm | seed | before | after | difference, paired | boxed after | steps | seconds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for label, seed, results in rows:
        found, seconds = results.comparison, results.cost.seconds
        cells = (
            label,
            seed,
            f"{found.before.value:.3f} {interval(found.before)}",
            f"{found.after.value:.3f} {interval(found.after)}",
            f"{found.difference.value:+.3f} {interval(found.difference, sign='+')}",
            f"{results.after.boxed.value:.3f} {interval(results.after.boxed)}",
            results.training.steps,
            f"{seconds['training']:.0f} of {results.cost.total_seconds:.0f}",
        )
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def interval(estimate: Any, sign: str = "") -> str:
    """A 95 % interval in brackets."""
    return f"[{estimate.low:{sign}.3f}, {estimate.high:{sign}.3f}]"


if __name__ == "__main__":
    main()
