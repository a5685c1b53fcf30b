"""How a list of problems tells them apart."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from core.records import Problem

_WORTH_CUTTING = 40  # characters that all questions begin with


def sign_of(problem: Problem) -> str:
    """A problem's key in the form: its id may be shared by several questions."""
    text = f"{problem.question}\0{problem.answer}\0{problem.source}\0{problem.family}"
    return f"{problem.id} {zlib.crc32(text.encode('utf-8', 'replace')):08x}"


def distinct(questions: Sequence[str]) -> list[str]:
    """Each question on one line, without what all of them begin with (worked examples, say)."""
    shared = _shared_prefix(questions)
    if shared >= _WORTH_CUTTING:
        shared = _word_begins(questions[0], shared)
        return ["… " + " ".join(each[shared:].split()) for each in questions]
    return [" ".join(each.split()) for each in questions]


def _shared_prefix(texts: Sequence[str]) -> int:
    """Characters that all texts begin with: what the first and the last in order share."""
    first, last = min(texts, default=""), max(texts, default="")
    if len(texts) < 2:
        return 0
    pairs = enumerate(zip(first, last, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(first), len(last)))


def _word_begins(text: str, end: int) -> int:
    """The start of the word that a cut at `end` would divide."""
    while end > 0 and not text[end - 1].isspace():
        end -= 1
    return end
