"""Studies tau and the signs on the demo model, and writes the table of docs/studies.md.

    python sample_data/build/study.py RUN [--write]

The run is kept in the folder RUN; one that was stopped or killed is continued. Prints the table;
with --write also puts it into docs/studies.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from core.cli.command_line import run_command  # noqa: E402
from core.models.spec import ModelSpec  # noqa: E402
from core.problems.problem_sets import demo_problems, demo_training_problems  # noqa: E402
from core.reasonmaxxer.recipe import recipe_of  # noqa: E402
from core.runs.context import DONE, carry_out  # noqa: E402
from core.runs.estimate import duration  # noqa: E402
from core.runs.run import Run  # noqa: E402
from core.runs.settings import changed  # noqa: E402
from core.statistics import Estimate, in_a_word  # noqa: E402
from core.studies.plan import plan_study  # noqa: E402
from core.studies.recipe import study_of  # noqa: E402
from core.studies.results import StudyResults  # noqa: E402
from core.studies.task import STUDY  # noqa: E402

PAGE = ROOT / "docs" / "studies.md"
MARKERS = ("<!-- study: begin -->", "<!-- study: end -->")
VARY = ("gate.tau=0.6,1.0,1.4,1.8,2.2", "selection.positive_only=false,true")
SEEDS = "0,1"
SMALLER: dict[str, Any] = {
    "problems": 56,
    "rollouts.samples": 6,
    "held_out.problems": 40,
    "held_out.every": 20,
    "held_out.sampling.samples": 2,
    "training.warmup_steps": 4,
    "measured": 100,
    "evaluation.samples": 2,
}
"""Less than the preset, so that 20 cells take minutes."""


def main() -> None:
    """Study, print, and with --write write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--write", action="store_true", help="put the table into docs/studies.md")
    arguments = parser.parse_args()
    run = studied(arguments.run)
    results = STUDY.results_of(run)
    assert results is not None
    text = section(run, results)
    print(text)
    if arguments.write:
        page = PAGE.read_text(encoding="utf-8")
        before, _, rest = page.partition(MARKERS[0])
        _, _, after = rest.partition(MARKERS[1])
        PAGE.write_text(f"{before}{MARKERS[0]}\n{text}\n{MARKERS[1]}{after}", encoding="utf-8")


def studied(folder: Path) -> Run:
    """The finished run; it is made or continued where it must be."""
    if (folder / "config.json").exists():
        run = Run.open(folder)
    else:
        recipe = study_of(changed(recipe_of("demo"), SMALLER), VARY, SEEDS)
        plan = plan_study(ModelSpec(), demo_training_problems(), demo_problems(), recipe)
        run = Run.create(folder.parent, STUDY.name, plan, folder=folder)
    done = run.read_json("results.json") is not None
    if not done and carry_out(run, STUDY.carry_out, bar=True) != DONE:
        raise SystemExit(f"{folder} is not finished: run this again.")
    return run


def section(run: Run, results: StudyResults) -> str:
    """What was found, as markdown."""
    chosen, cost, base = results.chosen, results.cost, results.base_held_out
    assert chosen is not None
    assert base is not None
    values = ", ".join(f"`{name}={value}`" for name, value in chosen.values.items())
    lines = [
        "```",
        run_command(run).text,
        "```",
        "",
        f"Explored: {results.all_cells} cells ({results.settings} settings, {results.seeds} "
        f"seeds). Chosen on {run_held_out(run)} held-out problems: {values}, mean over seeds "
        f"{chosen.held_out:.3f} (base {base:.3f}).",
        "",
        f"Confirmed on {chosen.test.n} test problems, which took no part in the choice: "
        f"{in_words(chosen.test)}, the base {in_words(results.base_test)}; difference, paired by "
        f"problem, {in_words(chosen.difference, '+')}: {in_a_word(chosen.difference)}.",
        "",
        f"Cost: {duration(cost.total_seconds)} in all ({rollout_words(cost.seconds)}), "
        f"{cost.sampled_tokens:,} tokens sampled, {cost.trained_tokens:,} trained on, "
        f"{cost.usd:.2f} US$ at {cost.usd_per_hour:g} an hour. Rollouts, all cells and the choice "
        "are counted.",
        "",
        "| τ (nats) | rollouts | seed | held-out | test: exploration | less base | gated | signal "
        "mass | gated tokens | learned from | steps | |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for cell in results.cells:
        positive = cell.values["selection.positive_only"] == "True"
        tau, signs = cell.values["gate.tau"], "correct ones only" if positive else "both signs"
        if cell.failure is not None or cell.held_out is None or cell.test is None:
            lines.append(f"| {tau} | {signs} | {cell.seed} |{' |' * 8} {cell.failure} |")
            continue
        assert cell.difference is not None
        cells = (
            tau,
            signs,
            cell.seed,
            f"{cell.held_out.value:.3f}",
            in_words(cell.test),
            f"{cell.difference.value:+.3f}",
            f"{cell.gated_share or 0:.1%}".replace("%", " %"),
            f"{cell.signal_mass or 0:.1%}".replace("%", " %"),
            f"{cell.decisions:,}",
            cell.examples,
            f"{cell.best_step} of {cell.steps}",
            "chosen" if cell.setting == chosen.setting else "",
        )
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def run_held_out(run: Run) -> int:
    """The number of held-out problems."""
    return len(run.problems("held_out"))


def in_words(estimate: Estimate, sign: str = "") -> str:
    """A value and its 95 % interval in brackets."""
    return f"{estimate.value:{sign}.3f} [{estimate.low:{sign}.3f}, {estimate.high:{sign}.3f}]"


def rollout_words(seconds: dict[str, float]) -> str:
    """The seconds of what all cells share, and of the cells together."""
    shared = {name: took for name, took in seconds.items() if not name.startswith("cell ")}
    cells = sum(took for name, took in seconds.items() if name.startswith("cell "))
    return ", ".join([*(f"{name} {took:.0f} s" for name, took in shared.items()),
                      f"cells {cells:.0f} s"])  # fmt: skip


if __name__ == "__main__":
    main()
