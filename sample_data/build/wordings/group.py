"""Wordings that ask the same computation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Ranges = Mapping[str, tuple[int, int]]  # of a number by its letter, both ends included


@dataclass(frozen=True)
class Group:
    """Wordings of one level and one kind of computation.

    Attributes:
        level: 1 to 5.
        family: the operations, in the order in which they are carried out.
        expression: of the letters in the wordings; a letter that it lacks is a distractor.
        ranges: of every letter.
        train: wordings of the training problems.
        test: wordings of the test problems, none like one of `train`.
    """

    level: int
    family: str
    expression: str
    ranges: Ranges
    train: tuple[str, ...]
    test: tuple[str, ...]
