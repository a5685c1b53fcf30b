"""Results on disk: as JSON, which lacks NaN, and as flat rows, which a spreadsheet may open."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import isnan, nan
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError

from core.errors import FileError
from core.records import check_schema_version, first_fault
from core.statistics import Estimate

Cell = str | int | float | None
"""The content of a table cell."""

_ESTIMATE = frozenset(Estimate.__annotations__)
_ROUNDING = 1e-9  # tolerance at the ends of an interval

_FORMULA_SIGNS = tuple("=+-@\t\r\n＝＋－＠")  # full-width ones count in Japanese spreadsheets

LARGEST = 2**53
"""Largest count or amount in a file: floats are exact up to here."""


def _from(low: float, high: float) -> Callable[[Estimate], Estimate]:
    """A check that refuses estimates out of range, or unknown although n > 1."""

    def check(estimate: Estimate) -> Estimate:
        parts = (estimate.value, estimate.low, estimate.high)
        present = [part for part in parts if not isnan(part)]
        if (
            not 0 <= estimate.n <= LARGEST
            or (len(present) < len(parts) and estimate.n > 1)
            or not all(low - _ROUNDING <= part <= high + _ROUNDING for part in present)
            or estimate.low > estimate.high
        ):
            raise ValueError("an estimate out of range")
        return estimate

    return check


def _writable(text: str) -> str:
    text.encode("utf-8")  # refuses lone surrogates, which can't be shown or saved
    return text


Text = Annotated[str, AfterValidator(_writable)]
Count = Annotated[int, Field(ge=0, le=LARGEST)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
ShareEstimate = Annotated[Estimate, AfterValidator(_from(0, 1))]
DifferenceEstimate = Annotated[Estimate, AfterValidator(_from(-1, 1))]  # of shares
AmountEstimate = Annotated[Estimate, AfterValidator(_from(-LARGEST, LARGEST))]
"""Types that pydantic checks when results are read."""


@contextmanager
def reading_results(data: Any) -> Iterator[None]:
    """Read results from their JSON in its body, which may raise KeyError, TypeError, ValueError.

    Raises:
        FileError: of a newer version, or damaged.
    """
    check_schema_version(data, "results", FileError)
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:  # pydantic's ValidationError is a ValueError
        raise FileError(
            f"These results are damaged ({type(error).__name__}).",
            "Resume the run, which writes them again.",
        ) from error


@contextmanager
def reading_record(data: Any, what: str, remedy: str) -> Iterator[None]:
    """Read one problem's record from its JSON in its body, which may raise ValueError.

    Args:
        data: the JSON.
        what: the record's name in messages.
        remedy: what to do about a damaged one.

    Raises:
        FileError: of a newer version, or damaged.
    """
    check_schema_version(data, what, FileError)
    try:
        yield
    except ValueError as error:
        how = first_fault(error) if isinstance(error, ValidationError) else error
        raise FileError(f"This {what} is damaged ({how}).", remedy) from error


def known(value: Any) -> Any:
    """The same data with None for NaN, which JSON lacks."""
    if isinstance(value, dict):
        return {key: known(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [known(each) for each in value]
    return None if isinstance(value, float) and isnan(value) else value


def unknown(value: Any) -> Any:
    """Undo `known` for estimates: None becomes NaN again.

    Raises:
        ValueError: nested more deeply than any results.
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
    """An estimate as three cells of a row; unknown parts are None."""
    parts = {name: estimate.value, f"{name} low": estimate.low, f"{name} high": estimate.high}
    return {key: known(part) for key, part in parts.items()}


def without(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A JSON-ready dict less one entry, so that what an older version wrote is written alike."""
    return {key: value for key, value in data.items() if key != name}


def spreadsheet_safe(cell: Cell) -> Cell:
    """The text, with an apostrophe before it if a spreadsheet would take it for a formula."""
    if isinstance(cell, str) and cell.startswith(_FORMULA_SIGNS):
        return f"'{cell}"
    return cell
