"""Which samples of a problem give the same answer, for a majority vote."""

from __future__ import annotations

from collections.abc import Sequence

from core.answers import default_checker
from core.records import Outcome, Verdict


def votes(outcomes: Sequence[Outcome]) -> list[int | None]:
    """What each sample of one problem votes for: the index of the first sample whose answer is
    the same, as the answer checker finds. None where the answer is missing or can't be read.

    Right answers equal the gold one, so they equal each other; wrong ones are compared by
    `AnswerChecker.same_many`, which is symmetric and transitive: the groups don't depend on the
    order of the samples.

    Raises:
        ResourceError: as the answer checker.
    """
    checker = default_checker()
    found: list[int | None] = []
    right: int | None = None
    firsts: dict[str, int] = {}  # the first of equal wrong answers -> its sample
    known: dict[str, int] = {}  # every wrong answer -> its vote
    for index, outcome in enumerate(outcomes):
        vote: int | None = None
        if outcome.verdict is Verdict.CORRECT:
            vote = right = index if right is None else right
        elif outcome.verdict is Verdict.WRONG and outcome.answer is not None:
            answer = outcome.answer
            if answer not in known:
                same = checker.same_many((answer, first) for first in firsts)
                equal = (
                    first for first, is_same in zip(firsts.values(), same, strict=True) if is_same
                )
                known[answer] = next(equal, index)
                if known[answer] == index:
                    firsts[answer] = index
            vote = known[answer]
        found.append(vote)
    return found
