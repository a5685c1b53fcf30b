"""What a problem set is called, where only its problems are at hand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from core.errors import ExplorerError
from core.problems.problem_sets import NAMED_SETS, read_problems
from core.records import Problem

OWN_PROBLEMS = "own problems"
_NUMBERED = re.compile(r"(.{2,}?)[-_./: ]?\d+")


def set_name(problems: Sequence[Problem]) -> str:
    """The name of the set that all problems are from, as `problem_file` takes it; else their common
    source, or the common beginning of their numbered ids; else `OWN_PROBLEMS`; "" without any."""
    if not problems:
        return ""
    if (name := set_with(problems)) is not None:
        return name
    sources = {each.source for each in problems}
    if len(sources) == 1 and (source := sources.pop().strip()):
        return source
    found = {match and match.group(1) for match in map(_NUMBERED.fullmatch, _ids(problems))}
    return (found.pop() or OWN_PROBLEMS) if len(found) == 1 else OWN_PROBLEMS


def set_with(problems: Sequence[Problem]) -> str | None:
    """The name of the explorer's own set that has all of these problems; None without any."""
    for name in NAMED_SETS:
        questions = _questions(name)
        if problems and all(questions.get(each.id) == each.question for each in problems):
            return name
    return None


def _ids(problems: Sequence[Problem]) -> list[str]:
    return [each.id for each in problems]


@cache
def _questions(name: str) -> dict[str, str]:
    """Questions by id of a set that comes with the explorer, whose file doesn't change."""
    try:
        return {each.id: each.question for each in read_problems(name)}
    except ExplorerError:  # sample_data isn't installed
        return {}
