"""Convert rows to problems, with a reason for every row that is rejected."""

from __future__ import annotations

import reprlib
from itertools import islice
from pathlib import Path
from typing import Any

from core.errors import ProblemError
from core.problems.cells import CellError, is_proper_text
from core.problems.columns import guess_columns
from core.problems.notes import notes, warnings
from core.problems.paths import offered, steps, value_at
from core.problems.row_reader import RowReader
from core.problems.shapes import OWN, recognised
from core.problems.table import (
    ColumnMapping,
    ProblemTable,
    RowRefusal,
    Rows,
)
from core.records import Problem
from core.system.short_text import short

_PREVIEWED = 5  # rows
_PREVIEWED_CHARS = 200  # per cell
_NAMED_COLUMNS = 12  # maximum listed in a message


def guess(rows: Rows) -> tuple[str, ColumnMapping | None]:
    """The name of the shape ("" if unknown) and the guessed mapping; None if no column looks like a
    question."""
    return recognised(rows) or ("", guess_columns(rows))


def make_table(rows: Rows, mapping: ColumnMapping | None = None) -> ProblemTable:
    """Convert rows to problems, by the given or the guessed mapping.

    Missing ids become "<stem of the name>-<row>".

    Raises:
        ProblemError: no question column, a mapping that names something missing, or no valid row.
    """
    if not rows.rows:
        if rows.refused:
            raise _nothing_left(rows, list(rows.refused))
        raise ProblemError(
            f"{rows.name} has no problems in it.", "Write a question and its answer in each row."
        )
    shape, guessed = guess(rows)
    used = _checked(rows, mapping or guessed)
    own = shape == OWN and used == guessed
    reader = RowReader(used, rows.columns, own)
    problems, refused = _problems(rows, reader)
    if not problems:
        raise _nothing_left(rows, refused)
    return ProblemTable(
        problems=problems,
        refused=refused,
        mapping=used,
        shape=shape if used == guessed else "",
        columns=rows.columns,
        preview=preview(rows),
        kind=rows.kind,
        noun=rows.noun,
        certain=own and not refused,
        notes=notes(rows, used, reader),
        warnings=warnings(rows, used, reader, problems),
    )


def preview(rows: Rows) -> list[dict[str, str]]:
    """The first rows' cells as text, shortened."""
    return [
        {column: shown(row.get(column)) for column in rows.columns}
        for _, row in islice(rows.rows, _PREVIEWED)
    ]


def shown(value: Any) -> str:
    """A value as text, shortened; deeply nested values are cut off."""
    text = _SHORT.repr(value) if isinstance(value, list | dict) else str(value)
    text = "" if value is None else text
    text = short(text, _PREVIEWED_CHARS)
    return text if is_proper_text(text) else text.encode("utf-8", "replace").decode()


_SHORT = reprlib.Repr()
_SHORT.maxlevel = 4
_SHORT.maxstring = _SHORT.maxother = _PREVIEWED_CHARS


def _checked(rows: Rows, mapping: ColumnMapping | None) -> ColumnMapping:
    if mapping is None or not mapping.question:
        raise ProblemError(
            f"{rows.name}: none of its columns looks like a question "
            f"({_named(rows.columns) or 'none can be read'}).",
            "Choose the question column, or name it question.",
        )
    for role, names in mapping.columns().items():
        for name in names:
            _check(rows, role, name)
    for role in ("question", "choices"):
        names = getattr(mapping, role)
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ProblemError(f"The {role} names {twice!r} twice.", "Name each column once.")
    return mapping


def _check(rows: Rows, role: str, name: str) -> None:
    path = steps(name, rows.columns)
    if path[0] not in rows.columns:
        raise ProblemError(
            f"{rows.name} has no column {str(path[0])!r} for the {role}.",
            f"Choose one that it has: {_named(rows.columns)}.",
        )
    if len(path) > 1 and all(value_at(row, path) is None for _, row in rows.rows):
        inside = [each for each in offered(rows) if steps(each, rows.columns)[0] == path[0]]
        raise ProblemError(
            f"{rows.name} has nothing at {name!r} for the {role}, in any {rows.noun}.",
            f"Choose one that it has: {_named(tuple(inside))}.",
        )


def _named(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _NAMED_COLUMNS} more" if len(names) > _NAMED_COLUMNS else ""
    return ", ".join(names[:_NAMED_COLUMNS]) + more


def _problems(rows: Rows, reader: RowReader) -> tuple[list[Problem], list[RowRefusal]]:
    problems: list[Problem] = []
    refused = list(rows.refused)
    ids: dict[str, int] = {}  # id -> its row
    stem = Path(rows.name).stem
    for number, row in rows.rows:
        try:
            problem = reader.problem(row, f"{stem}-{number}")
            if problem.id in ids:
                where = f"{rows.noun} {ids[problem.id]}"
                raise CellError(f"the id {problem.id!r} was already used on {where}")
        except CellError as error:
            refused.append(RowRefusal(number, str(error)))
        else:
            ids[problem.id] = number
            problems.append(problem)
    return problems, sorted(refused, key=lambda refusal: refusal.row)


def _nothing_left(rows: Rows, refused: list[RowRefusal]) -> ProblemError:
    first = refused[0]
    others = f", and none of the {len(refused):,} is valid" if len(refused) > 1 else ""
    return ProblemError(
        f"{rows.name}, {rows.noun} {first.row}: {first.reason}{others}.",
        "Correct the file, or choose other columns.",
    )
