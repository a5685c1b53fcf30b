"""Widths of text in Helvetica, and lines of tokens in a column."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

# Of Helvetica, as Adobe published it, in thousandths of the size; Arial and Liberation Sans have
# the same. Characters 32 to 126.
_WIDTHS = (
    *(278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278),
    *(556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556),
    *(1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778),
    *(667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556),
    *(333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556),
    *(556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584),
)
_SIGNS = {"·": 278, "–": 556, "—": 1000, "…": 1000, "−": 584, "×": 584, "→": 1000}
_OTHER, _WIDE = 600, 1000


def text_width(text: str, size: float) -> float:
    """Width of a text, in the unit of its size; of letters that Helvetica lacks, about."""
    return sum(map(_of_character, text)) * size / 1000


def clipped(text: str, size: float, width: float) -> str:
    """The text, cut so that it fits."""
    if text_width(text, size) <= width:
        return text
    while text and text_width(text + "…", size) > width:
        text = text[:-1]
    return text + "…"


def _of_character(character: str) -> int:
    code = ord(character)
    if 32 <= code <= 126:
        return _WIDTHS[code - 32]
    if character in _SIGNS:
        return _SIGNS[character]
    if unicodedata.combining(character):
        return 0
    return _WIDE if unicodedata.east_asian_width(character) in "WF" else _OTHER


@dataclass(frozen=True)
class Placed:
    """A piece of a token in a line: its text without the spaces around it."""

    token: int  # position in the chain
    text: str
    x: float
    line: int
    width: float


def set_tokens(tokens: Sequence[str], size: float, width: float) -> tuple[list[Placed], int]:
    """Tokens as running text, broken where a word would leave the column and at line breaks.

    Args:
        tokens: texts; those that are joined without a space stay together.
        size, width: of the type and of the column, in one unit.

    Returns:
        The pieces in order, and the number of lines.
    """
    placed: list[Placed] = []
    x, line, space = 0.0, 0, text_width(" ", size)
    for number, token in enumerate(tokens):
        for at, row in enumerate(token.split("\n")):
            if at:
                x, line = 0.0, line + 1
            text = row.strip(" ")
            x += space * (len(row) - len(row.lstrip(" "))) if x else 0.0
            for piece in _pieces(text, size, width):
                long = text_width(piece, size)
                if x and x + long > width:
                    x, line = 0.0, line + 1
                placed.append(Placed(number, piece, x, line, long))
                x += long
            if text:
                x += space * (len(row) - len(row.rstrip(" ")))
    return placed, line + 1


def _pieces(text: str, size: float, width: float) -> list[str]:
    """A text that is wider than the column, cut into pieces that fit."""
    pieces, piece = [], ""
    for character in text:
        if piece and text_width(piece + character, size) > width:
            pieces.append(piece)
            piece = ""
        piece += character
    return [*pieces, piece] if piece else pieces
