"""Problem files that commands are given: what is no problem is said, and the rest goes on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from core.cli.output import say

if TYPE_CHECKING:
    from core.problem_files.table import ProblemTable
    from core.records import Problem

_NAMED = 5  # refused rows that are named


def given_problems(path: Path) -> list[Problem]:
    """The problems of a file of any kind; rows that are none are said on stderr, and left out,
    and what looks wrong with the columns is said too.

    Raises:
        ProblemError: as `read_problem_file`.
    """
    from core.problem_files.reading import read_problem_file

    found = read_problem_file(path)
    say_doubts(found, path.name)
    return found.problems


def say_doubts(found: ProblemTable, name: str) -> None:
    """Name what may be wrong with the columns, and the rows that are no problem, on stderr."""
    for warning in found.warnings:
        say(f"{name}: {warning}")
    for refusal in found.refused[:_NAMED]:
        say(f"{name}, {found.noun} {refusal.row} is left out: {refusal.reason}.")
    if len(found.refused) > _NAMED:
        say(f"{len(found.refused) - _NAMED:,} more rows of {name} are left out.")
