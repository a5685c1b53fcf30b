"""What every training run is made of, checked before anything is begun."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from core.errors import ModelError, ProblemError, examples
from core.models.spec import DEMO, ModelSpec
from core.problems.problem_sets import sample_problems
from core.records import Problem
from core.runs.models import model_fields


def base_fields(spec: ModelSpec) -> dict[str, Any]:
    """The base as a run's config keeps it.

    Raises:
        ModelError: it has an adapter already, or is not there.
    """
    if spec.adapter is not None:
        raise ModelError(
            "Fine-tuning starts from a base, and this model has an adapter already.",
            "Choose the model without its adapter.",
        )
    return model_fields(spec)


def drawn(problems: Sequence[Problem], count: int | None, seed: int) -> Sequence[Problem]:
    """So many of the problems, drawn by the seed; all of them when there are no more, or None."""
    if count is None or count >= len(problems):
        return problems
    return sample_problems(problems, count, seed)


def check_learned(problems: Sequence[Problem]) -> None:
    """Refuse an empty set to learn from.

    Raises:
        ProblemError: there is none.
    """
    if not problems:
        raise ProblemError("There are no problems to train on.", "Choose a set that has some.")


def check_measured(problems: Sequence[Problem]) -> None:
    """Refuse an empty set to measure on.

    Raises:
        ProblemError: there is none.
    """
    if not problems:
        raise ProblemError("There are no problems to evaluate on.", "Choose a set that has some.")


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
