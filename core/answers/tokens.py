"""The tokens of an answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal


class Gap(IntEnum):
    """The gap between a token and the one before it."""

    NONE = 0
    THIN = 1
    r"""`\,`, which may separate thousands"""
    SPACE = 2
    BREAK = 3
    """the end of a formula: `$1$,$200$` is not one number"""


@dataclass(frozen=True)
class Token:
    r"""One token of an answer.

    kind: `number` is 12 or 1.5; `run` is letters in math mode (a product, or a word); `text` is
    letters of \text{} or of another alphabet; `command` is \name with its arguments; `group` is
    {...}; `bracket` is (...), [...] or \{...\}, its two signs in `text`; `matrix` has its cells as
    parts, row by row, and the number of columns in `text`; `sign` is anything else.
    """

    kind: Literal["number", "run", "text", "command", "group", "bracket", "matrix", "sign"]
    text: str
    gap: Gap = Gap.NONE
    parts: tuple[tuple[Token, ...], ...] = ()

    @property
    def inner(self) -> tuple[Token, ...]:
        """The contents of a group or bracket, or the only argument."""
        return self.parts[0]

    def is_sign(self, *signs: str) -> bool:
        return self.kind == "sign" and self.text in signs

    def is_command(self, *names: str) -> bool:
        return self.kind == "command" and self.text in names

    @property
    def word(self) -> str:
        """A word in lower case; "" for anything else."""
        return self.text.casefold() if self.kind in ("run", "text") else ""


Tokens = tuple[Token, ...]
