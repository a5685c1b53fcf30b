"""What a problem file holds: its rows, which column means what, the problems made of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.records import Problem

MAX_BYTES = 50 * 1024**2
"""A larger problem file is refused before it is read."""

MAX_ROWS = 100_000
"""A file of more rows is refused; the whole training split of MATH has 7,500."""

MAX_COLUMNS = 200
"""Columns that can be chosen from; JSON records may have more keys, which are ignored."""

MAX_CELL_CHARS = 100_000
"""A row with a longer question or answer is refused: no model's prompt holds it."""


class Gold(StrEnum):
    """Where in its cell the gold answer stands."""

    AS_WRITTEN = "as it is written"
    AFTER_HASHES = "after ####"
    LAST_BOX = "in the last \\boxed{}"
    LIST = "a list of answers"


@dataclass(frozen=True)
class ColumnMapping:
    """Which column of a file is what; None where there is none.

    `context` goes before the question, a blank line between; `gold` says how the answer's cell is
    to be read.
    """

    question: str | None
    answer: str | None = None
    id: str | None = None
    source: str | None = None
    family: str | None = None
    context: str | None = None
    gold: Gold = Gold.AS_WRITTEN


COLUMN_ROLES = ("question", "answer", "id", "source", "family", "context")
"""The fields of a mapping that name a column."""


@dataclass(frozen=True)
class RowRefusal:
    """A row that is no problem: its number in the file, and why."""

    row: int
    reason: str


@dataclass(frozen=True)
class Rows:
    """A file's rows before anything is understood of them.

    `kind` is the format's name; `noun` what a person calls a row of it ("line" of JSON lines,
    "record" of JSON, "row" of a table). Rows are numbered as an editor or a spreadsheet shows
    them: lines and records from 1; rows of a CSV file from 2, since its header is row 1.
    """

    name: str
    kind: str
    noun: str
    columns: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, Any]], ...]
    refused: tuple[RowRefusal, ...] = ()


@dataclass(frozen=True)
class ProblemTable:
    """The problems of a file, and how they were found.

    `shape` is the published set's name that was recognised, "" for other tables; `preview` the
    first rows' cells as text, shortened. `certain` says that nothing was guessed: the file is in
    the explorer's own form and every row is a problem.
    """

    problems: list[Problem]
    refused: list[RowRefusal]
    mapping: ColumnMapping
    shape: str
    columns: tuple[str, ...]
    preview: list[dict[str, str]]
    kind: str
    noun: str
    certain: bool
