"""Guess which column is the question, which the answer, and how the answer stands in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from core.problem_files.table import ColumnMapping, Gold, Rows

_NAMES = {
    "question": "question problem prompt input query instruction questiontext problemtext "
    "problemstatement statement text content",
    "answer": "answer gold goldanswer finalanswer groundtruth expectedanswer referenceanswer "
    "correctanswer target expected reference label answers output solution response",
    "id": "id uniqueid problemid questionid taskid uid idx index key",
    "family": "family subject type category subfield topic domain level difficulty",
    "source": "source datasource dataset origin",
}  # best first
_SAMPLE = 100  # rows looked at
_MOST = 0.5  # of the looked at ones


def guess_columns(rows: Rows) -> ColumnMapping | None:
    """The most likely mapping by the columns' names and what stands in them; None where no column
    looks like a question."""
    found: dict[str, Any] = {}
    for role, names in _NAMES.items():
        column = _first(rows, names.split(), taken=set(found.values()))
        if column is not None and (role != "id" or _serves_as_id(rows, column)):
            found[role] = column
    return with_guessed_gold(rows, ColumnMapping(**found)) if "question" in found else None


def with_guessed_gold(rows: Rows, mapping: ColumnMapping) -> ColumnMapping:
    """The mapping with the way in which most of its answers stand in their cells."""
    if mapping.answer is None:
        return replace(mapping, gold=Gold.AS_WRITTEN)
    cells = [cell for cell in sample(rows, mapping.answer) if cell is not None]
    for gold, is_so in (
        (Gold.LIST, lambda cell: isinstance(cell, list)),
        (Gold.AFTER_HASHES, lambda cell: isinstance(cell, str) and "####" in cell),
        (Gold.LAST_BOX, lambda cell: isinstance(cell, str) and "\\boxed" in cell),
    ):
        if cells and sum(map(is_so, cells)) > _MOST * len(cells):
            return replace(mapping, gold=gold)
    return replace(mapping, gold=Gold.AS_WRITTEN)


def by_plain_name(columns: tuple[str, ...]) -> dict[str, str]:
    """Columns by their names in small letters and digits only; of equal ones the first."""
    names: dict[str, str] = {}
    for column in columns:
        names.setdefault(re.sub(r"[\W_]", "", column.casefold()), column)
    return names


def sample(rows: Rows, column: str) -> list[Any]:
    """What stands in a column of the first rows."""
    return [row.get(column) for _, row in islice(rows.rows, _SAMPLE)]


def _first(rows: Rows, names: list[str], taken: set[str]) -> str | None:
    columns: Mapping[str, str] = by_plain_name(rows.columns)
    return next((columns[n] for n in names if n in columns and columns[n] not in taken), None)


def _serves_as_id(rows: Rows, column: str) -> bool:
    """A column named id does; another one where nothing stands in it twice."""
    if column.casefold() == "id":
        return True
    seen = [str(row.get(column)) for _, row in rows.rows]
    return len(set(seen)) == len(seen)
