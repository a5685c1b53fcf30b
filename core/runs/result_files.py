"""Results on disk: as JSON, which has no NaN, and as flat rows, which a spreadsheet may open."""

from __future__ import annotations

from collections.abc import Callable
from math import isnan, nan
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from core.statistics import Estimate

Cell = str | int | float | None
"""What stands in a cell of a table."""

_ESTIMATE = frozenset(Estimate.__annotations__)
_ROUNDING = 1e-9  # the end of an interval may miss 0 or 1 by a little

_FORMULA_SIGNS = tuple("=+-@\t\r\n＝＋－＠")  # the wide ones in Japanese spreadsheets

LARGEST = 2**53
"""What a count or an amount in a file may be at most: floats are exact up to here."""


def _from(low: float, high: float) -> Callable[[Estimate], Estimate]:
    """Refuses estimates that are out of range, or unknown though two problems make them known."""

    def check(estimate: Estimate) -> Estimate:
        parts = (estimate.value, estimate.low, estimate.high)
        told = [part for part in parts if not isnan(part)]
        if (
            not 0 <= estimate.n <= LARGEST
            or (len(told) < len(parts) and estimate.n > 1)
            or not all(low - _ROUNDING <= part <= high + _ROUNDING for part in told)
            or estimate.low > estimate.high
        ):
            raise ValueError("an estimate out of range")
        return estimate

    return check


def _writable(text: str) -> str:
    text.encode("utf-8")  # a lone surrogate could be read, but never be shown or saved again
    return text


Text = Annotated[str, AfterValidator(_writable)]
Count = Annotated[int, Field(ge=0, le=LARGEST)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
ShareEstimate = Annotated[Estimate, AfterValidator(_from(0, 1))]
DifferenceEstimate = Annotated[Estimate, AfterValidator(_from(-1, 1))]  # of shares
AmountEstimate = Annotated[Estimate, AfterValidator(_from(-LARGEST, LARGEST))]
"""What pydantic checks when it reads results."""


def known(value: Any) -> Any:
    """The same with None for numbers that are not known: JSON has no NaN."""
    if isinstance(value, dict):
        return {key: known(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [known(each) for each in value]
    return None if isinstance(value, float) and isnan(value) else value


def unknown(value: Any) -> Any:
    """Estimates get back the NaN that `known` took from them.

    Raises:
        ValueError: nested so deeply that nothing of ours wrote it.
    """
    try:
        return _unknown(value)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _unknown(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == _ESTIMATE:
            return {key: nan if each is None else each for key, each in value.items()}
        return {key: _unknown(each) for key, each in value.items()}
    return [_unknown(each) for each in value] if isinstance(value, list) else value


def interval_cells(name: str, estimate: Estimate) -> dict[str, Cell]:
    """An estimate as three cells of a row; what is not known is None."""
    parts = {name: estimate.value, f"{name} low": estimate.low, f"{name} high": estimate.high}
    return {key: known(part) for key, part in parts.items()}


def spreadsheet_safe(cell: Cell) -> Cell:
    """Text that a spreadsheet would take for a formula gets an apostrophe before it."""
    if isinstance(cell, str) and cell.startswith(_FORMULA_SIGNS):
        return f"'{cell}"
    return cell
