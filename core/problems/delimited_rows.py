"""Rows of CSV and TSV files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from core.errors import ProblemError
from core.problems.cells import is_proper_text
from core.problems.table import (
    MAX_COLUMNS,
    MAX_ROWS,
    RowRefusal,
    Rows,
    decoded,
    number_of_rows_error,
)

_DELIMITERS = ",;\t|"
_FIRST_LINE = 100_000  # characters of the header searched for the delimiter


def delimited_rows(data: bytes, name: str, tabs: bool) -> Rows:
    """The rows of a CSV or TSV file, whose first row names the columns.

    The delimiter of a CSV file is the most frequent of `,` `;` tab and `|` in its first row. Empty
    cells are None; blank rows are skipped, but counted.

    Raises:
        ProblemError: the first row has no column names or duplicate ones; too many rows.
    """
    text = decoded(data, name)
    delimiter = "\t" if tabs else _delimiter(text)
    found = _numbered(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    header = next((cells for _, cells in found if isinstance(cells, str) or any(cells)), [])
    columns = _header(header, name)
    rows: list[tuple[int, dict[str, str | None]]] = []
    refused: list[RowRefusal] = []
    for number, cells in found:
        if isinstance(cells, list) and not any(cells):
            continue
        if len(rows) + len(refused) >= MAX_ROWS:
            raise number_of_rows_error(name)
        if isinstance(cells, str):
            refused.append(RowRefusal(number, cells))
        elif len(cells) != len(columns):
            refused.append(
                RowRefusal(number, f"it has {len(cells)} cells under {len(columns)} columns")
            )
        elif not all(map(is_proper_text, cells)):
            refused.append(RowRefusal(number, "this is not UTF-8 text"))
        else:
            rows.append((number, dict(zip(columns, (cell or None for cell in cells), strict=True))))
    return Rows(name, "TSV" if tabs else "CSV", "row", columns, tuple(rows), tuple(refused))


def _numbered(reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str] | str]]:
    """Rows with their numbers; for an unreadable row, the reason."""
    number = 0
    while True:
        number += 1
        try:
            yield number, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "field limit" in str(error):  # the start of the next row is unknown
                yield number, "one of its cells never ends; the rest of the file is not read"
                return
            yield number, f"its quotation marks are wrong ({error})"


def _delimiter(text: str) -> str:
    first = text[:_FIRST_LINE].lstrip().partition("\n")[0]
    return max(_DELIMITERS, key=first.count)


def _header(cells: list[str] | str, name: str) -> tuple[str, ...]:
    if isinstance(cells, str):
        raise ProblemError(f"{name}, row 1: {cells}.", "Correct the row that names the columns.")
    columns = tuple(cell.strip() or f"column {n}" for n, cell in enumerate(cells, start=1))
    reason = ""
    if not columns:
        reason = "it is empty"
    elif len(columns) > MAX_COLUMNS:
        reason = f"it has {len(columns):,} columns, and {MAX_COLUMNS} are allowed"
    elif not all(map(is_proper_text, columns)) or any("\0" in column for column in columns):
        reason = "this is not UTF-8 text"
    elif len(set(columns)) < len(columns):
        twice = next(each for each in columns if columns.count(each) > 1)
        reason = f"the column {twice!r} appears twice"
    if reason:
        raise ProblemError(f"{name}, row 1: {reason}.", "Write the column names in the first row.")
    return columns
