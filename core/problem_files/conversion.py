"""Make problems of rows: the good ones, and for every other row the reason."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

from core.errors import ProblemError
from core.problem_files.cells import CellError, gold_of, is_number, is_proper_text, text_of
from core.problem_files.columns import guess_columns
from core.problem_files.shapes import OWN, recognised
from core.problem_files.table import (
    COLUMN_ROLES,
    ColumnMapping,
    ProblemTable,
    RowRefusal,
    Rows,
)
from core.records import Problem

_PREVIEWED = 5  # rows
_PREVIEWED_CHARS = 200  # of a cell
_NAMED_COLUMNS = 12  # that a message names
_MAX_NAME_CHARS = 1_000  # of an id, a source, a family


def guess(rows: Rows) -> tuple[str, ColumnMapping | None]:
    """The shape's name ("" for none that is known) and the columns that the rows seem to have;
    None where no column looks like a question."""
    return recognised(rows) or ("", guess_columns(rows))


def make_table(rows: Rows, mapping: ColumnMapping | None = None) -> ProblemTable:
    """Problems of rows, by the guessed mapping where none is given.

    Ids that are not given are "<stem of the name>-<row>".

    Raises:
        ProblemError: no column is the question, the mapping names one that is not there, or no
            row is a problem.
    """
    if not rows.rows:
        if rows.refused:
            raise _nothing_left(rows, list(rows.refused))
        raise ProblemError(
            f"{rows.name} has no problems in it.", "Write a question and its answer into each row."
        )
    shape, guessed = guess(rows)
    used = _checked(rows, mapping or guessed)
    problems, refused = _problems(rows, used)
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
        certain=shape == OWN and used == guessed and not refused,
    )


def preview(rows: Rows) -> list[dict[str, str]]:
    """The first rows' cells as text, shortened."""
    return [
        {column: _shown(row.get(column)) for column in rows.columns}
        for _, row in islice(rows.rows, _PREVIEWED)
    ]


def _checked(rows: Rows, mapping: ColumnMapping | None) -> ColumnMapping:
    shown = ", ".join(rows.columns[:_NAMED_COLUMNS])
    if mapping is None or mapping.question is None:
        raise ProblemError(
            f"{rows.name}: none of its columns looks like a question "
            f"({shown or 'none can be read'}).",
            "Say which column it is, or name it question.",
        )
    for role in COLUMN_ROLES:
        column = getattr(mapping, role)
        if column is not None and column not in rows.columns:
            raise ProblemError(
                f"{rows.name} has no column {column!r} for the {role}.",
                f"Choose one that it has: {shown}.",
            )
    return mapping


def _problems(rows: Rows, mapping: ColumnMapping) -> tuple[list[Problem], list[RowRefusal]]:
    problems: list[Problem] = []
    refused = list(rows.refused)
    ids: dict[str, int] = {}  # id -> the row that it stands on
    for number, row in rows.rows:
        try:
            problem = _problem(row, mapping, f"{Path(rows.name).stem}-{number}")
            if problem.id in ids:
                where = f"{rows.noun} {ids[problem.id]}"
                raise CellError(f"the id {problem.id!r} stands on {where} already")
        except CellError as error:
            refused.append(RowRefusal(number, str(error)))
        else:
            ids[problem.id] = number
            problems.append(problem)
    return problems, sorted(refused, key=lambda refusal: refusal.row)


def _problem(row: dict[str, Any], mapping: ColumnMapping, default_id: str) -> Problem:
    question = _cell(row, mapping.question, "question")
    if question is None:
        raise CellError("there is no question")
    if is_number(row.get(mapping.question or "")) or not question.strip():
        raise CellError("the question is empty or no text")
    context = _cell(row, mapping.context, "context")
    return Problem(
        id=_name(row, mapping.id, "id") or default_id,
        question=f"{context}\n\n{question}" if context and context.strip() else question,
        answer=_answer(row, mapping),
        source=_name(row, mapping.source, "source"),
        family=_name(row, mapping.family, "family"),
    )


def _answer(row: dict[str, Any], mapping: ColumnMapping) -> str | None:
    if mapping.answer is None:
        return None
    try:
        answer = gold_of(row.get(mapping.answer), mapping.gold)
    except CellError as error:
        raise CellError(f"the answer {error}") from error
    return None if answer is None else str(answer)


def _name(row: dict[str, Any], column: str | None, role: str) -> str:
    text = _cell(row, column, role) or ""
    if len(text) > _MAX_NAME_CHARS:
        raise CellError(f"the {role} has more than {_MAX_NAME_CHARS:,} characters")
    return text


def _cell(row: dict[str, Any], column: str | None, role: str) -> str | None:
    if column is None:
        return None
    try:
        text = text_of(row.get(column))
    except CellError as error:
        raise CellError(f"the {role} {error}") from error
    return None if text is None else str(text)


def _shown(value: Any) -> str:
    text = "" if value is None else str(value)
    text = text if len(text) <= _PREVIEWED_CHARS else text[: _PREVIEWED_CHARS - 1] + "…"
    return text if is_proper_text(text) else text.encode("utf-8", "replace").decode()


def _nothing_left(rows: Rows, refused: list[RowRefusal]) -> ProblemError:
    first = refused[0]
    others = f", and none of the {len(refused):,} is a problem" if len(refused) > 1 else ""
    return ProblemError(
        f"{rows.name}, {rows.noun} {first.row}: {first.reason}{others}.",
        "Mend the file, or choose other columns.",
    )
