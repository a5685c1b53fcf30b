"""The results of a study: every cell as exploration, and the chosen one with its test figure.

The settings are chosen by their accuracy on held-out problems, and only the chosen ones are quoted
with their accuracy on the test problems, which took no part in the choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from core.lora.cost import Cost
from core.records import SCHEMA_VERSION
from core.runs.result_files import (
    AmountEstimate,
    Cell,
    Count,
    Share,
    ShareEstimate,
    Text,
    interval_cells,
    known,
    reading_results,
    spreadsheet_safe,
    unknown,
)
from core.statistics import mean_over_problems, paired_difference


@dataclass(frozen=True)
class CellResult:
    """One training of a study."""

    number: Count
    setting: Count  # the same for all seeds of one combination
    values: dict[Text, Text]  # of the settings that vary
    seed: Count
    failure: Text | None  # why it could not be trained; then everything below is None
    held_out: ShareEstimate | None = None  # accuracy on the held-out problems
    test: ShareEstimate | None = None  # on the test problems: exploration, unless it is chosen
    difference: AmountEstimate | None = None  # test accuracy, less the base's, paired by problem
    gated_share: Share | None = None  # of the rollouts' tokens
    signal_mass: Share | None = None  # of |advantage|, summed over tokens, at gated tokens
    decisions: Count | None = None  # gated tokens: the budget
    examples: Count | None = None  # rollouts learned from
    trained_tokens: Count | None = None  # of prompts and completions, in all epochs
    sampled_tokens: Count | None = None  # of the test problems
    steps: Count | None = None
    best_step: Count | None = None
    trained_parameters: Count | None = None  # of a student
    trained_share: Share | None = None  # of the base's parameters
    pass_rates: tuple[Share, ...] = ()  # of the test problems, in their order


@dataclass(frozen=True)
class Chosen:
    """The settings with the highest accuracy on held-out problems, mean over seeds; of equal ones
    the first of the grid."""

    setting: Count
    values: dict[Text, Text]
    seeds: Count
    held_out: Share  # mean over seeds
    test: ShareEstimate  # mean over seeds of each problem's pass rate, then over problems
    difference: AmountEstimate  # of these, less the base's, paired by problem


@dataclass(frozen=True)
class StudyResults:
    """A study, so far or at its end."""

    settings: Count  # combinations of values in the grid
    seeds: Count
    base_test: ShareEstimate
    base_held_out: Share | None  # before any step; None before the first cell
    cells: tuple[CellResult, ...]  # those that are done, in the order of the grid
    chosen: Chosen | None  # None until all cells are done, or if none could be trained
    cost: Cost
    teacher_test: ShareEstimate | None = None  # of a study of distillations

    @property
    def all_cells(self) -> int:
        """Cells in the grid."""
        return self.settings * self.seeds

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict; unknown values are null."""
        return {
            "schema_version": SCHEMA_VERSION,
            **known({**asdict(self), "cost": None}),
            "cost": self.cost.to_json(),
        }

    @staticmethod
    def from_json(data: Any) -> StudyResults:
        """Read what `to_json` wrote.

        Raises:
            FileError: of a newer version, or damaged.
        """
        with reading_results(data):
            results: StudyResults = _ADAPTER.validate_python(unknown(data))
        return results

    def to_rows(self) -> list[dict[str, Cell]]:
        """One flat row a cell, for a table or a CSV file. No cell is a formula to a spreadsheet."""
        return [_row(each, self.chosen) for each in self.cells]


def choose(cells: Sequence[CellResult], base: Sequence[float], seed: int = 0) -> Chosen | None:
    """The settings with the highest held-out accuracy, and their accuracy on the test problems.

    Settings of which a seed could not be trained are left out.

    Args:
        cells: all of them.
        base: the base's pass rates of the test problems, in their order.
        seed: of the bootstraps.
    """
    groups: dict[int, list[CellResult]] = {}
    for cell in cells:
        groups.setdefault(cell.setting, []).append(cell)
    whole = {
        setting: float(np.mean([each.held_out.value for each in group if each.held_out]))
        for setting, group in groups.items()
        if all(each.held_out is not None for each in group)
    }
    if not whole:
        return None
    best = max(whole, key=lambda setting: (whole[setting], -setting))
    group = groups[best]
    rates = np.mean([each.pass_rates for each in group], axis=0)
    return Chosen(
        best,
        group[0].values,
        len(group),
        whole[best],
        mean_over_problems(rates.tolist(), seed),
        paired_difference(rates.tolist(), base, seed),
    )


def _row(cell: CellResult, chosen: Chosen | None) -> dict[str, Cell]:
    row: dict[str, Cell] = {"cell": cell.number}
    row |= {f"{spreadsheet_safe(name)}": spreadsheet_safe(v) for name, v in cell.values.items()}
    row |= {"seed": cell.seed, "failure": spreadsheet_safe(cell.failure or "")}
    for name, estimate in (
        ("held-out accuracy", cell.held_out),
        ("test accuracy (exploration)", cell.test),
        ("difference to the base", cell.difference),
    ):
        if estimate is not None:
            row |= interval_cells(name, estimate)
    row |= {
        "gated share": cell.gated_share,
        "signal mass": cell.signal_mass,
        "gated tokens": cell.decisions,
        "rollouts learned from": cell.examples,
        "trained parameters": cell.trained_parameters,
        "trained share": cell.trained_share,
        "steps": cell.steps,
        "best step": cell.best_step,
        "chosen": "yes" if chosen is not None and chosen.setting == cell.setting else "",
    }
    return row


_ADAPTER: TypeAdapter[StudyResults] = TypeAdapter(StudyResults)
