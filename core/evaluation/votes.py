"""Which samples of a problem give the same answer, for a majority vote."""

from __future__ import annotations

from collections.abc import Sequence

from core.answers import default_checker
from core.records import Outcome, Verdict


def votes(outcomes: Sequence[Outcome]) -> list[int | None]:
    """What each sample of one problem votes for: the index of the first sample whose answer is
    equal, as the answer checker finds. None where the answer is missing or can't be read.

    Right answers equal the gold one, so they equal each other; wrong ones are compared.

    Raises:
        ResourceError: as the answer checker.
    """
    checker = default_checker()
    found: list[int | None] = []
    right: int | None = None
    wrong: dict[str, int] = {}  # the first of equal answers -> its sample
    known: dict[str, int] = {}  # every wrong answer -> its vote
    for index, outcome in enumerate(outcomes):
        vote: int | None = None
        if outcome.verdict is Verdict.CORRECT:
            vote = right = index if right is None else right
        elif outcome.verdict is Verdict.WRONG and outcome.answer is not None:
            answer = outcome.answer
            if answer not in known:
                verdicts = checker.check_many((answer, first) for first in wrong)
                equal = (
                    first
                    for first, verdict in zip(wrong.values(), verdicts, strict=True)
                    if verdict is Verdict.CORRECT
                )
                known[answer] = next(equal, index)
                if known[answer] == index:
                    wrong[answer] = index
            vote = known[answer]
        found.append(vote)
    return found
