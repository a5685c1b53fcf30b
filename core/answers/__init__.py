"""Answers: found in a text, read in full, and compared with the gold answer.

A text goes from `extraction` (where its answer stands) over `signs` and `tokens` (one spelling,
without dress) to `reading` (a value: number, choice, list ...), and two values through
`comparison`, which asks `mathematics` in the process of `worker` where it must.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.answers.checker import AnswerChecker, default_checker
    from core.answers.extraction import Extracted, extract_answer

__all__ = ["AnswerChecker", "Extracted", "default_checker", "extract_answer"]


def __getattr__(name: str) -> Any:
    """The public names, imported when they are used: the worker needs none of them, nor numpy."""
    if name in ("AnswerChecker", "default_checker"):
        from core.answers import checker

        return getattr(checker, name)
    if name in ("Extracted", "extract_answer"):
        from core.answers import extraction

        return getattr(extraction, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
