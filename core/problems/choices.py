"""Read the choices of a question from a cell or columns, letter them, and find the gold choice.

A cell may hold choices as a list of texts, a list of objects with a label and a text, an object
of two lists (`label` and `text`), an object from labels to texts, or one text with labels.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.problems.cells import CellError, is_number, text_of
from core.problems.table import MAX_CELL_CHARS, Gold

MAX_CHOICES = 10
"""A to J: the letters that the answer checker recognises as choices."""

_TEXT_KEYS = ("text", "content", "value", "option", "choice", "texts", "choices", "options")
_LABEL_KEYS = ("label", "key", "letter", "id", "labels", "keys")
_LABELLED = re.compile(r"\(?([A-Za-z0-9])\s{0,3}(?:\)|[.:](?=\s))\s{0,3}(?=\S)")  # not 1.5 or 1:2
_IN_TEXT = re.compile(r"(?:(?<=[,;\s])|\A)\(?([A-Ja-j])\s?\)")
_MAX_LABEL = 20  # characters; a longer one is a text
_TRAILING = re.compile(r"[A-Za-z]$|\d{1,2}$")


@dataclass(frozen=True)
class Choice:
    """A choice: its column, its labels in the file, and its text."""

    text: str
    labels: tuple[str, ...]
    position: int
    column: str
    number: bool = False  # the file writes a number, not a text


def choices_of(cells: Sequence[tuple[str, Any]]) -> list[Choice]:
    """The choices in the cells of the named columns; empty cells are left out.

    Raises:
        CellError: none, too few or too many choices, or a cell that holds something else.
    """
    found: list[tuple[str | None, Any, str]] = []  # label, text, column
    for column, value in cells:
        if isinstance(value, list | dict) or (len(cells) == 1 and isinstance(value, str)):
            found += [(label, text, column) for label, text in _in_cell(value)]
        else:
            found.append((column if len(cells) > 1 else None, value, column))
    if len(found) > 1_000:
        raise CellError(f"are {len(found):,}, and {MAX_CHOICES} are allowed")
    choices: list[Choice] = []
    for position, (label, value, column) in enumerate(found):
        try:
            text = (text_of(value) or "").strip()
        except CellError as error:
            raise CellError(f"have one that {error}") from error
        if text:
            labels = _labels(label, position, of_column=label == column)
            choices.append(Choice(text, labels, position, column, is_number(value)))
    if not choices:
        raise CellError("are missing")
    if not 2 <= len(choices) <= MAX_CHOICES:
        raise CellError(f"are {len(choices)}, and 2 to {MAX_CHOICES} are allowed")
    return choices


def looks_like_choices(value: Any) -> bool:
    """Whether a single cell holds the choices of a question."""
    if not isinstance(value, list | dict | str):
        return False
    try:
        return bool(choices_of([("", value)]))
    except CellError:
        return False


def shown(choices: Sequence[Choice]) -> str:
    """The choices, one per line, each after its letter."""
    return "\n".join(f"{_letter(place)}. {each.text}" for place, each in enumerate(choices))


def shuffled(choices: Sequence[Choice], question: str) -> list[Choice]:
    """The choices ordered by SHA-256 of question and choice, so that the correct one doesn't always
    come first and the order depends on their texts alone."""

    def key(choice: Choice) -> tuple[bytes, int]:
        text = f"{question}\0{choice.text}".encode("utf-8", "surrogatepass")
        return hashlib.sha256(text).digest(), choice.position

    return sorted(choices, key=key)


def letter_of_column(choices: Sequence[Choice], column: str) -> str:
    """The letter of the choice in a column.

    Raises:
        CellError: the column has no choice in this row, or several.
    """
    return _only([n for n, each in enumerate(choices) if each.column == column], "its own column")


def letter_of(choices: Sequence[Choice], value: Any, gold: Gold) -> str | None:
    """The letter of the choice that a gold cell names; None if the cell is empty.

    Raises:
        CellError: it names no choice, or several.
    """
    text = (text_of(value) or "").strip()
    if not text:
        return None
    if gold is Gold.CHOICE_LABEL:
        wanted = _plain_label(text)
        places = [n for n, each in enumerate(choices) if wanted in map(_plain_label, each.labels)]
    elif gold is Gold.CHOICE_TEXT:
        texts = {text, _without_label(text)}
        places = [n for n, each in enumerate(choices) if each.text in texts]
    else:
        position = _position(text, gold)
        places = [n for n, each in enumerate(choices) if each.position == position]
    return _only(places, repr(text if len(text) <= 60 else text[:59] + "…"))


def _only(places: list[int], what: str) -> str:
    if not places:
        raise CellError(f"names none of the choices ({what})")
    if len(places) > 1:
        raise CellError(f"names several of the choices ({what})")
    return _letter(places[0])


def _in_cell(value: list[Any] | dict[str, Any] | str) -> list[tuple[str | None, Any]]:
    """Labels and texts; the label is None if the cell has none."""
    if isinstance(value, str):
        return _in_text(value)
    if isinstance(value, dict):
        return _in_object(value)
    if all(isinstance(each, dict) for each in value):
        return [_labelled_object(each) for each in value]
    texts = [each for each in value if isinstance(each, str)]
    found = [_LABELLED.match(each) for each in texts]
    labels = [match[1].upper() for match in found if match]
    if len(labels) == len(value) and _count_up(labels):
        return [(m[1], text[m.end() :]) for text, m in zip(texts, found, strict=True) if m]
    return [(None, each) for each in value]


def _in_text(text: str) -> list[tuple[str | None, Any]]:
    """The labelled choices of a text such as "a ) 4 , b ) 7 , c ) 9"."""
    if len(text) > MAX_CELL_CHARS:
        text_of(text)
    found = list(_IN_TEXT.finditer(text))
    if len(found) < 2 or not _count_up([match[1].upper() for match in found]):
        return [(None, text)]
    ends = [match.start() for match in found[1:]] + [len(text)]
    return [
        (match[1], text[match.end() : end].strip(" ,;\n"))
        for match, end in zip(found, ends, strict=True)
    ]


def _in_object(value: dict[str, Any]) -> list[tuple[str | None, Any]]:
    texts = _first_of(value, _TEXT_KEYS)
    if isinstance(texts, list):
        labels = _first_of(value, _LABEL_KEYS)
        if not isinstance(labels, list):
            return [(None, text) for text in texts]
        if len(labels) != len(texts):
            raise CellError(f"are {len(texts)} with {len(labels)} labels")
        return [(_label(label), text) for label, text in zip(labels, texts, strict=True)]
    if any(len(key) > _MAX_LABEL for key in value):
        raise CellError("are neither a list nor an object of labels and texts")
    return list(value.items())


def _labelled_object(value: dict[str, Any]) -> tuple[str | None, Any]:
    text = _first_of(value, _TEXT_KEYS)
    if text is None:
        raise CellError("are objects without a text")
    return _label(_first_of(value, _LABEL_KEYS)), text


def _first_of(value: dict[str, Any], keys: tuple[str, ...]) -> Any:
    return next((value[key] for key in keys if value.get(key) is not None), None)


def _label(value: Any) -> str | None:
    text = text_of(value)
    return text if text and len(text) <= _MAX_LABEL else None


def _labels(label: str | None, position: int, of_column: bool) -> tuple[str, ...]:
    """The labels by which a gold answer may name a choice: its own, and for a choice in a column
    of its own the column's name, letter and number."""
    if label is None:
        return (_letter(position),)
    if not of_column:
        return (label,)
    trailing = _TRAILING.search(label)
    number = trailing[0] if trailing and trailing[0].isdigit() else None
    return tuple(dict.fromkeys((_letter(position), label, *([number] if number else []))))


def _count_up(labels: list[str]) -> bool:
    """Whether labels are A, B, C... or 1, 2, 3... or 0, 1, 2..."""
    first = labels[0] if labels else ""
    return first in ("A", "0", "1") and all(
        ord(label) == ord(first) + place for place, label in enumerate(labels)
    )


def _plain_label(text: str) -> str:
    return text.strip(" ().:[]").casefold()


def _without_label(text: str) -> str:
    match = _LABELLED.match(text)
    return text[match.end() :] if match else text


def _position(text: str, gold: Gold) -> int:
    whole = text.removesuffix(".0")
    if not whole.isascii() or not whole.isdigit() or len(whole) > 4:
        raise CellError(f"is not the number of a choice ({text[:60]!r})")
    return int(whole) - (gold is Gold.CHOICE_FROM_1)


def _letter(place: int) -> str:
    return chr(ord("A") + place)
