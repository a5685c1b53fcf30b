"""Answers: extract them from a text, parse them in full, compare them with the gold answer.

`extraction` finds the answer in a text, `unicode_signs` and `tokeniser` split it into tokens,
`parsing` turns all of them into a value (number, choice, list, ...), and `comparison` compares two
values, with `mathematics` in the `worker` process when needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.answers.checker import AnswerChecker, default_checker
    from core.answers.extraction import Extracted, extract_answer

__all__ = ["AnswerChecker", "Extracted", "default_checker", "extract_answer"]


def __getattr__(name: str) -> Any:
    """Import the public names lazily: the worker uses none of them and must not import numpy."""
    if name in ("AnswerChecker", "default_checker"):
        from core.answers import checker

        return getattr(checker, name)
    if name in ("Extracted", "extract_answer"):
        from core.answers import extraction

        return getattr(extraction, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
