"""Group answers that are the same, one by one as they come."""

from __future__ import annotations

from core.answers.checker import AnswerChecker, default_checker


class AnswerGroups:
    """Groups of equal answers, numbered from 0 in the order of their first.

    Answers that are known to be correct equal the gold answer, so they equal each other; all others
    are compared by `AnswerChecker.same_many`, which is symmetric and transitive: the groups don't
    depend on the order of the answers.
    """

    def __init__(self, checker: AnswerChecker | None = None) -> None:
        """Compare by a checker; None: by the one of this process."""
        self._checker = checker or default_checker()
        self._count = 0
        self._correct: int | None = None
        self._firsts: dict[str, int] = {}  # the first answer of every other group -> its number
        self._known: dict[str, int | None] = {}  # every other answer -> its group

    def add(self, answer: str | None, *, correct: bool = False) -> int | None:
        """The number of an answer's group, perhaps a new one; None for an answer that is missing or
        can't be read.

        Args:
            correct: whether the answer equals the gold answer.

        Raises:
            ResourceError: the answer checker doesn't start.
        """
        if correct:
            if self._correct is None:
                self._correct = self._new()
            return self._correct
        if answer is None or not answer.strip():
            return None
        if answer not in self._known:
            self._known[answer] = self._group_of(answer)
        return self._known[answer]

    def _group_of(self, answer: str) -> int | None:
        others = list(self._firsts)
        # An answer that can't be read isn't even the same as itself.
        read, *same = self._checker.same_many((answer, each) for each in (answer, *others))
        if not read:
            return None
        for each, equal in zip(others, same, strict=True):
            if equal:
                return self._firsts[each]
        self._firsts[answer] = self._new()
        return self._firsts[answer]

    def _new(self) -> int:
        self._count += 1
        return self._count - 1
