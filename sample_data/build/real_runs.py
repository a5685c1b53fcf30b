"""The runs of docs/real_models.md, and how their figures are written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.evaluation.records import ProblemSamples, has_samples
from core.lora.run_files import EVALUATION
from core.reasonmaxxer.results import run_recipe
from core.runs.problem_units import kept_records, unit_reader
from core.runs.run import Run
from core.runs.status import RunState
from core.statistics import Estimate

ARMS = {
    "plain": "ReasonMaxxer",
    "random": "control: random gate",
    "positive": "ablation: right rollouts only",
    "shuffled": "control: advantages shuffled",
}


class Runs:
    """The finished runs of a folder.

    Args:
        folder: of the runs, each in a folder of its own.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.used: dict[str, Run] = {}  # runs that a table shows, by name

    def finished(self, name: str) -> Run | None:
        """A run by its folder's name; None if it is not there or not finished."""
        if not (self.folder / name / "config.json").exists():
            return None
        run = Run.open(self.folder / name)
        if run.status().state is not RunState.DONE:
            return None
        self.used[name] = run
        return run

    def link(self, name: str) -> str:
        """A link to the settings of a run, and how long it took."""
        seconds = self.used[name].status().elapsed
        return f"[{name}](#run-{name}), {seconds:,.0f} s"

    def seeds(self, arm: str) -> list[int]:
        """The seeds with a finished run of an arm, in their order."""
        names = (path.parent.name for path in self.folder.glob(f"{arm}-*/config.json"))
        numbers = (name.removeprefix(f"{arm}-") for name in names)
        found = sorted(int(number) for number in numbers if number.isdigit())
        return [seed for seed in found if self.finished(f"{arm}-{seed}") is not None]


def sampled_in(run: Run, phase: str) -> list[ProblemSamples]:
    """The samples of a fine-tune's test problems, "before/" or "after/"."""
    read = unit_reader(ProblemSamples, has_samples(run_recipe(run).evaluation.samples))
    return kept_records(run.problems(EVALUATION), run.units(), read, phase)


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in lines)


def shown(estimate: Estimate, sign: str = "") -> str:
    """A share with its interval, as .123 with a sign where asked."""
    low, high = f"{estimate.low:{sign}.3f}", f"{estimate.high:{sign}.3f}"
    return f"{estimate.value:{sign}.3f} [{low}, {high}]"
