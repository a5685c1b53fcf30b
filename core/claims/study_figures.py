"""Figures of a study by the values of one setting, paired by problem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.statistics import Estimate, mean_over_problems, paired_difference

if TYPE_CHECKING:
    from core.runs.run import Run
    from core.studies.results import CellResult, StudyResults

EXPLORATORY = (
    "Exploration: test figures of a study's cells; only its chosen cell, which was chosen on "
    "held-out problems, confirms."
)

_Rest = tuple[int, tuple[tuple[str, str], ...]]
"""The seed of a cell and the values of its other settings."""


@dataclass(frozen=True, eq=False)
class Rates:
    """Pass rates of the test problems under one value of a setting.

    Attributes:
        rates: (problems,) mean over the other settings that vary, and over seeds.
        gated: mean share of the rollouts' tokens that are gated.
        mass: mean share of the signal at these tokens.
        trainings: of each cell the rollouts, gated tokens and tokens learned from, and its rates:
            equal where the fine-tunes are the same.
    """

    rates: NDArray[np.float64]
    gated: float
    mass: float
    trainings: tuple[tuple[object, ...], ...]
    seed: int

    @property
    def accuracy(self) -> Estimate:
        """Test accuracy."""
        return mean_over_problems(self.rates.tolist(), self.seed)

    def less(self, other: Rates) -> Estimate:
        """The accuracy less another one, paired by problem."""
        return paired_difference(self.rates.tolist(), other.rates.tolist(), self.seed)


def results_of(run: Run) -> StudyResults | None:
    """The results of a study; None before there are any."""
    from core.studies.task import STUDY

    return STUDY.results_of(run)


def rates_by(run: Run, setting: str) -> dict[str, Rates]:
    """Pass rates by the values of a setting, as the results write them; values under which no cell
    could be trained are left out. Of the others only cells count whose seed and other settings were
    trained under every value, so that two values differ in nothing else."""
    results = results_of(run)
    groups: dict[str, dict[_Rest, CellResult]] = {}
    for cell in () if results is None else results.cells:
        if cell.failure is None and cell.pass_rates:
            rest = cell.seed, tuple(each for each in cell.values.items() if each[0] != setting)
            groups.setdefault(cell.values.get(setting, ""), {})[rest] = cell
    one = next(iter(groups.values()), {})
    common = [rest for rest in one if all(rest in each for each in groups.values())]
    if not common:
        return {}
    found = {}
    for value, cells in groups.items():
        trained = [cells[rest] for rest in common]
        found[value] = Rates(
            np.mean([each.pass_rates for each in trained], axis=0),
            float(np.mean([each.gated_share or 0.0 for each in trained])),
            float(np.mean([each.signal_mass or 0.0 for each in trained])),
            tuple(
                (each.examples, each.decisions, each.trained_tokens, each.pass_rates)
                for each in trained
            ),
            run.config.seed,
        )
    return found


def not_trained(run: Run) -> str:
    """A sentence about the cells that couldn't be trained; "" if all could."""
    results = results_of(run)
    failed = [] if results is None else [each for each in results.cells if each.failure is not None]
    if not failed:
        return ""
    named = "; ".join(
        ", ".join(f"{name} = {value}" for name, value in each.values.items()) for each in failed
    )
    return f"{len(failed)} of {len(results.cells) if results else 0} cells not trained: {named}."
