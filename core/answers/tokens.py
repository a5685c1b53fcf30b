"""One token of an answer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal


class Gap(IntEnum):
    """What stands between a token and the one before it."""

    NONE = 0
    THIN = 1
    r"""`\,`, which may stand between thousands"""
    SPACE = 2
    BREAK = 3
    """the end of a piece of mathematics: `$1$,$200$` is no number"""


@dataclass(frozen=True)
class Token:
    r"""One piece of an answer.

    `number` 12 or 1.5; `run` letters as they stand in mathematics (a product, or a word); `text`
    letters of \text{} or of another alphabet; `command` \name with its arguments; `group` {...};
    `bracket` (...), [...] or \{...\} with `text` its two signs; `matrix` whose arguments are its
    cells, row by row, `text` the number of columns; `sign` anything else.
    """

    kind: Literal["number", "run", "text", "command", "group", "bracket", "matrix", "sign"]
    text: str
    gap: Gap = Gap.NONE
    parts: tuple[tuple[Token, ...], ...] = ()

    @property
    def inner(self) -> tuple[Token, ...]:
        """What stands in a group or bracket, or the only argument."""
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
