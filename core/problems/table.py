"""What a problem file holds: its rows, which column means what, the problems made of them."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.errors import ProblemError
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
    """How the gold answer is read from its cell."""

    AS_WRITTEN = "as it is written"
    AFTER_HASHES = "after ####"
    LAST_BOX = "in the last \\boxed{}"
    LIST = "a list of answers"
    WITHOUT_UNIT = "before its unit in parentheses"
    CHOICE_LABEL = "the label of a choice"
    CHOICE_FROM_0 = "the number of a choice, from 0"
    CHOICE_FROM_1 = "the number of a choice, from 1"
    CHOICE_TEXT = "the text of a choice"


CHOICE_GOLDS = (Gold.CHOICE_LABEL, Gold.CHOICE_FROM_0, Gold.CHOICE_FROM_1, Gold.CHOICE_TEXT)
"""Those that name a choice; the problem's answer is then the letter it is shown with."""


class Join(StrEnum):
    """What stands between the columns of a question."""

    SPACE = "a space"
    LINE = "a line break"
    BLANK_LINE = "a blank line"


@dataclass(frozen=True, init=False)
class ColumnMapping:
    """Which columns of a file are what: names, or paths such as `reward_model.ground_truth`.

    Attributes:
        question: its columns in order, joined with `join`; chat messages give their last user
            message.
        answer: None where the file has no gold answers.
        choices: one column with a list of choices, or several columns with one each; they are
            shown below the question with letters. Where `answer` is one of the columns, their
            order is shuffled by a hash of the question and the choices.
        gold: how the answer's cell is read.
    """

    question: tuple[str, ...]
    answer: str | None
    id: str | None
    source: str | None
    family: str | None
    choices: tuple[str, ...]
    gold: Gold
    join: Join

    def __init__(
        self,
        question: str | Iterable[str] | None,
        answer: str | None = None,
        id: str | None = None,
        source: str | None = None,
        family: str | None = None,
        choices: str | Iterable[str] | None = None,
        gold: Gold = Gold.AS_WRITTEN,
        join: Join = Join.SPACE,
    ) -> None:
        fields = {
            "question": _names(question),
            "answer": answer,
            "id": id,
            "source": source,
            "family": family,
            "choices": _names(choices),
            "gold": gold,
            "join": join,
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def columns(self) -> dict[str, tuple[str, ...]]:
        """The columns by role, for the roles that have any."""
        found = {role: _names(getattr(self, role)) for role in COLUMN_ROLES}
        return {role: names for role, names in found.items() if names}


COLUMN_ROLES = ("question", "answer", "choices", "id", "source", "family")
"""The fields of a mapping that name columns; question and choices may name several."""


def _names(given: str | Iterable[str] | None) -> tuple[str, ...]:
    if given is None:
        return ()
    return (given,) if isinstance(given, str) else tuple(given)


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
    the explorer's own form and every row is a problem. `notes` say what was done to the texts,
    `warnings` what may be wrong with the mapping: one sentence each.
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
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


MAX_VALUES = 5_000_000
"""Commas and brackets in a file: they bound what its parsed values take in memory. A file of
50 MB in prose has about a fifth of it."""


def decoded(data: bytes, name: str) -> str:
    """The text; each byte that is not UTF-8 becomes a lone surrogate, so that only its row is
    refused.

    Raises:
        ProblemError: the file is in another encoding, or has more values than can be held.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ProblemError(
            f"{name}, line 1: this is not UTF-8 text but UTF-16.", "Save the file as UTF-8."
        )
    if sum(map(data.count, (b",", b"[", b"{"))) > MAX_VALUES:
        raise ProblemError(
            f"{name} has more than {MAX_VALUES:,} values.",
            "Keep the columns that are needed, or split it into smaller files.",
        )
    return data.decode("utf-8-sig", errors="surrogateescape")


def number_of_rows_error(name: str) -> ProblemError:
    """What to say of a file with too many rows."""
    return ProblemError(f"{name} has more than {MAX_ROWS:,} rows.", "Split it into smaller files.")
