"""Tables of problems: a file's rows, the mapping of its columns, the resulting problems."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.errors import ProblemError
from core.records import Problem

MAX_BYTES = 50 * 1024**2
"""Maximum size of a problem file in bytes; larger ones are rejected unread."""

MAX_ROWS = 100_000
"""Maximum number of rows; the training split of MATH has 7,500."""

MAX_COLUMNS = 200
"""Maximum number of columns; further keys of JSON records are ignored."""

MAX_CELL_CHARS = 100_000
"""Maximum length of a question or answer in characters; longer ones exceed any prompt."""


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
"""Readings that name a choice; the problem's answer is then the choice's letter."""


class Join(StrEnum):
    """The separator between the columns of a question."""

    SPACE = "a space"
    LINE = "a line break"
    BLANK_LINE = "a blank line"


@dataclass(frozen=True, init=False)
class ColumnMapping:
    """The roles of a file's columns: names, or paths such as `reward_model.ground_truth`.

    Attributes:
        question: columns in order, joined with `join`; of chat messages, the last user message.
        answer: None if the file has no gold answers.
        choices: one column with a list of choices, or several columns with one each; shown below
            the question with letters. If `answer` is one of these columns, the choices are shuffled
            by a hash of question and choices.
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
        """The columns by role, for roles with columns."""
        found = {role: _names(getattr(self, role)) for role in COLUMN_ROLES}
        return {role: names for role, names in found.items() if names}


COLUMN_ROLES = ("question", "answer", "choices", "id", "source", "family")
"""The fields of a mapping that name columns; question and choices may have several."""


def _names(given: str | Iterable[str] | None) -> tuple[str, ...]:
    if given is None:
        return ()
    return (given,) if isinstance(given, str) else tuple(given)


@dataclass(frozen=True)
class RowRefusal:
    """A rejected row: its number in the file, and the reason."""

    row: int
    reason: str


@dataclass(frozen=True)
class Rows:
    """A file's rows, before columns are mapped.

    `kind` is the format's name; `noun` is the word for a row ("line" for JSON lines, "record" for
    JSON, "row" for a table). Rows are numbered as in an editor or spreadsheet: lines and records
    from 1; rows of a CSV file from 2, since its header is row 1.
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

    `shape` is the name of the recognised published set, or ""; `preview` has the first rows' cells
    as text, shortened. `certain`: nothing was guessed, since the file is in the explorer's own form
    and every row is valid. `notes` describe changes to texts, `warnings` doubts about the mapping,
    one sentence each.
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
"""Maximum number of commas and brackets in a file, which limits the memory of its parsed values.
50 MB of prose has about a fifth of this."""


def decoded(data: bytes, name: str) -> str:
    """Decode a file. A byte that is not UTF-8 becomes a lone surrogate, so that only its row is
    rejected.

    Raises:
        ProblemError: another encoding, or too many values.
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
    """The error for a file with too many rows."""
    return ProblemError(f"{name} has more than {MAX_ROWS:,} rows.", "Split it into smaller files.")
