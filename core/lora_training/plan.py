"""What every training run is made of, checked before anything is begun."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.errors import ModelError, ProblemError
from core.language_model import ModelSpec
from core.problems import sample_problems
from core.records import Problem
from core.run_models import model_fields


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
