"""Results on disk: as JSON, which has no NaN, and as flat rows, which a spreadsheet may open."""

from __future__ import annotations

from math import isnan, nan
from typing import Any

from core.statistics import Estimate

Cell = str | int | float | None
"""What stands in a cell of a table."""

_ESTIMATE = frozenset(Estimate.__annotations__)


def known(value: Any) -> Any:
    """The same with None for numbers that are not known: JSON has no NaN."""
    if isinstance(value, dict):
        return {key: known(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [known(each) for each in value]
    return None if isinstance(value, float) and isnan(value) else value


def unknown(value: Any) -> Any:
    """Estimates get back the NaN that `known` took from them."""
    if isinstance(value, dict):
        if value.keys() == _ESTIMATE:
            return {key: nan if each is None else each for key, each in value.items()}
        return {key: unknown(each) for key, each in value.items()}
    return [unknown(each) for each in value] if isinstance(value, list) else value


def interval_cells(name: str, estimate: Estimate) -> dict[str, Cell]:
    """An estimate as three cells of a row; what is not known is None."""
    parts = {name: estimate.value, f"{name} low": estimate.low, f"{name} high": estimate.high}
    return {key: known(part) for key, part in parts.items()}


def spreadsheet_safe(cell: Cell) -> Cell:
    """Text that a spreadsheet would take for a formula gets an apostrophe before it."""
    if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")):
        return f"'{cell}"
    return cell
