"""Notes that people write on a chain or on one of its tokens; a tree keeps them."""

from __future__ import annotations

import unicodedata
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from core.errors import NoteError, SessionError
from core.records import first_fault

MAX_NOTE = 2_000
"""Longest note, in characters."""

MAX_NOTES = 1_000
"""Most notes on the chains of one problem."""

Place = tuple[str, int | None]
"""The id of a branch, and a position of its chain; None: the chain itself."""

_NEVER_SHOWN = {"Cc", "Cs"}  # control characters and surrogates
_REORDERING = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True)
class Note:
    """One note.

    Attributes:
        branch: the branch that the note is on. A token that branches share belongs to the first.
        position: of the token; None: the note is on the whole chain.
        text: tidy, and never empty.
    """

    branch: str
    position: int | None
    text: str

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict."""
        return asdict(self)


def tidy_note(text: str) -> str:
    """A note without tabs, trailing spaces and outer blank lines; its own lines are kept.

    Raises:
        NoteError: longer than `MAX_NOTE`, or with characters that can't be shown.
    """
    lines = (line.replace("\t", " ").rstrip() for line in text.splitlines())
    tidy = "\n".join(lines).strip()
    if len(tidy) > MAX_NOTE:
        raise NoteError(
            f"This note has {len(tidy):,} characters.", f"Write at most {MAX_NOTE:,} characters."
        )
    wrong = next((each for each in tidy if not _can_be_shown(each)), None)
    if wrong is not None:
        raise NoteError(
            f"This note has a character that can't be shown (U+{ord(wrong):04X}).",
            "Write it without this character.",
        )
    return tidy


def notes_from_json(data: Any) -> list[Note]:
    """Read a list of what `Note.to_json` wrote.

    Raises:
        SessionError: damaged.
    """
    try:
        if not isinstance(data, list) or len(data) > MAX_NOTES:
            raise ValueError(f"not a list of at most {MAX_NOTES:,} notes")
        notes = [_NoteFile.model_validate(each).note() for each in data]
    except (ValueError, NoteError) as error:
        raise damaged_notes(first_fault(error)) from error
    return [each for each in notes if each.text]


def damaged_notes(fault: str) -> SessionError:
    """The error of a file with notes that can't be read."""
    return SessionError(
        f"The notes in this file are damaged ({fault}).", "Open another copy of the file."
    )


class _NoteFile(BaseModel):
    model_config = ConfigDict(strict=True)

    branch: str
    position: int | None
    text: str

    def note(self) -> Note:
        return Note(self.branch, self.position, tidy_note(self.text))


def _can_be_shown(character: str) -> bool:
    return character == "\n" or (
        unicodedata.category(character) not in _NEVER_SHOWN and character not in _REORDERING
    )
