"""Nothing that is evaluated on may be trained on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from core.errors import ProblemError, examples
from core.language_model import DEMO
from core.records import Problem

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_Key = tuple[str, ...]


def check_disjoint(training: Sequence[Problem], evaluation: Sequence[Problem]) -> None:
    """Refuse training problems that are evaluation problems, or the same ones in disguise.

    Two problems are the same when their questions are, but for case and spaces; and when they have
    the same numbers, in any order, and the same wording around them. The demo words a question in
    several ways: there the same family will do.

    Raises:
        ProblemError: naming some pairs.
    """
    seen = {key: problem.id for problem in evaluation for key in _keys(problem)}
    pairs = []
    for problem in training:
        other = next((seen[key] for key in _keys(problem) if key in seen), None)
        if other is not None:
            pairs.append(f"{problem.id} is {other}")
    if pairs:
        raise ProblemError(
            f"Training problems that are evaluated on, too: {len(pairs)} of {len(training)} "
            f"({examples(pairs)}).",
            "Leave them out of one of the two sets.",
        )


def question_key(problem: Problem) -> str:
    """What is equal where two questions are, but for case and spaces."""
    return " ".join(problem.question.casefold().split())


def _keys(problem: Problem) -> Iterable[_Key]:
    text = question_key(problem)
    yield ("question", text)
    numbers = sorted(_NUMBER.findall(text))
    if numbers:
        yield ("wording", _NUMBER.sub("#", text), *numbers)
        if problem.source == DEMO and problem.family:
            yield ("family", problem.family, *numbers)
