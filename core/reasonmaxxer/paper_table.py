"""Table 3 of arXiv:2605.06241: eight bases, what was done to them, six benchmarks, dollars.

No figure of it was measured here. It was read off an image of the table; in every row the six
columns average to the printed average within 0.0015.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from core.errors import FileError
from core.evaluation.benchmarks import BENCHMARKS
from core.system.project_root import project_root

PAPER_TABLE = project_root() / "sample_data" / "paper_table3.csv"

PAPER_RATES = "$1.89 per hour of an RTX Pro 6000, $2.49 of an H100"

_METHODS = {
    "base": "base",
    "RM": "ReasonMaxxer",
    "SimpleRL": "SimpleRL-Zoo (RL)",
    "ORZ": "Open-Reasoner-Zero (RL)",
}
"""In full, where the table abbreviates."""

_BASES = {"DeepSeek-R1-Distill-Qwen-1.5B": "DS-R1-Distill-1.5B", "Mistral-7B-v0.1": "Mistral-7B"}
"""Names of the table by the last part of a model's name, where they differ."""


@dataclass(frozen=True)
class PaperRow:
    """A method on a base."""

    base: str
    method: str
    accuracy: Mapping[str, float]  # by the key of `BENCHMARKS`; AIME24 and AMC23 are avg@8
    average: float  # as printed
    usd: float | None  # of the training; None: nothing was trained

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict."""
        return asdict(self)


@cache
def paper_rows() -> tuple[PaperRow, ...]:
    """All 30 rows, base by base.

    Raises:
        FileError: the file is missing or damaged.
    """
    return read_paper_rows(PAPER_TABLE)


def read_paper_rows(path: Path) -> tuple[PaperRow, ...]:
    """The rows of a file such as `PAPER_TABLE`.

    Raises:
        FileError: it is missing or damaged.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = tuple(map(_row, csv.DictReader(file)))
    except (OSError, UnicodeDecodeError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise FileError(
            f"The paper's table in {path} can't be read ({type(error).__name__}).",
            "Install the program again, or put the file back.",
        ) from error
    return rows


def paper_base(model: str) -> str | None:
    """The name of a model in the table; None for other models."""
    last = model.rstrip("/").rsplit("/", 1)[-1]
    name = _BASES.get(last, last)
    return name if any(row.base == name for row in paper_rows()) else None


def _row(cells: dict[str, str]) -> PaperRow:
    accuracy = {key: float(cells[key]) for key in BENCHMARKS}
    average = float(cells["average"])
    if not all(0 <= each <= 1 for each in (*accuracy.values(), average)):
        raise ValueError("an accuracy out of range")
    method = cells["method"]
    usd = float(cells["usd"]) if cells["usd"] else None
    return PaperRow(cells["base"], _METHODS.get(method, method), accuracy, average, usd)
