"""What the prompts of a file have in common, and the question that is each one's own."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def common_start(questions: Collection[str]) -> int:
    """How many characters all questions begin with, up to a line's end or a colon: those of worked
    examples, of an instruction, of "Question: "; 0 where there is one question."""
    if len(set(questions)) < 2:
        return 0
    start = _shared(min(questions), max(questions))  # what these two share, all do
    return max(start.rfind("\n") + 1, start.rfind(": ") + 2 * (": " in start))


def common_end(questions: Collection[str]) -> int:
    """How many characters all questions end with, whole lines only: "Answer:", or an instruction;
    0 where there is one question."""
    if len(set(questions)) < 2:
        return 0
    backwards = [each[::-1] for each in questions]
    end = _shared(min(backwards), max(backwards))
    return end.rfind("\n") + 1


def around(questions: Sequence[str], most: int) -> tuple[str, str]:
    """The text before and after what is each question's own; two empty texts where nothing would
    be left of one of them.

    Args:
        most: characters of both, above which they stay in the questions.
    """
    start, end = common_start(questions), common_end(questions)
    shortest = min(map(len, questions), default=0)
    if not start + end or start + end > most or start + end >= shortest:
        return "", ""
    if any(not each[start : len(each) - end].strip() for each in questions):
        return "", ""
    first = questions[0]
    return first[:start], first[len(first) - end :]


def _shared(first: str, last: str) -> str:
    pairs = enumerate(zip(first, last, strict=False))
    same = next((i for i, (a, b) in pairs if a != b), min(len(first), len(last)))
    return first[:same]
