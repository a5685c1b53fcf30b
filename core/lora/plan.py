"""Checks of a training run's plan, before any work."""

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
    """The base as a run's config stores it.

    Raises:
        ModelError: it has an adapter already, or is missing.
    """
    if spec.adapter is not None:
        raise ModelError(
            "Fine-tuning starts from a base, and this model has an adapter already.",
            "Choose the model without its adapter.",
        )
    return model_fields(spec)


def drawn(problems: Sequence[Problem], count: int | None, seed: int) -> Sequence[Problem]:
    """That many problems, drawn by the seed; all of them if there are fewer, or with None."""
    if count is None or count >= len(problems):
        return problems
    return sample_problems(problems, count, seed)


def check_learned(problems: Sequence[Problem]) -> None:
    """Refuse an empty training set.

    Raises:
        ProblemError: it has no problems.
    """
    if not problems:
        raise ProblemError("There are no problems to train on.", "Choose a set that has some.")


def check_measured(problems: Sequence[Problem]) -> None:
    """Refuse an empty evaluation set.

    Raises:
        ProblemError: it has no problems.
    """
    if not problems:
        raise ProblemError("There are no problems to evaluate on.", "Choose a set that has some.")


_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


_Key = tuple[str, ...]


def check_disjoint(training: Sequence[Problem], evaluation: Sequence[Problem]) -> None:
    """Refuse training problems that are evaluation problems, also in disguise.

    Two problems are the same if their questions are equal up to case and spaces, or if they have
    the same numbers, in any order, with the same wording around them. The demo words a question
    in several ways, so there the same numbers and the same family suffice.

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
    """The question up to case and spaces."""
    return " ".join(problem.question.casefold().split())


def _keys(problem: Problem) -> Iterable[_Key]:
    text = question_key(problem)
    yield ("question", text)
    numbers = sorted(_NUMBER.findall(text))
    if numbers:
        yield ("wording", _NUMBER.sub("#", text), *numbers)
        if problem.source == DEMO and problem.family:
            yield ("family", problem.family, *numbers)
