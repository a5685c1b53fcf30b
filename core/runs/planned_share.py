"""How much of some work is done, where more of it may be planned on the way."""

from __future__ import annotations


class PlannedShare:
    """The share of work that is done. It never falls: what a new plan adds, or saves, changes how
    much the steps to come count, not those that are done."""

    def __init__(self) -> None:
        self._planned = 0.0  # steps in all, by the last plan
        self._from = (0.0, 0.0)  # steps done and their share, when it was made
        self._last = (0.0, 0.0)  # the same at the last report

    def of(self, done: float, planned: float) -> float:
        """The share that is done, from 0 to 1.

        Args:
            done: steps done.
            planned: steps in all, as far as they are planned.
        """
        if planned != self._planned:
            self._planned, self._from = planned, self._last
        steps, share = self._from
        left = planned - steps
        if done >= planned:
            reached = 1.0 if planned > 0 else share
        else:
            reached = share + (1 - share) * max(done - steps, 0.0) / left
        self._last = (max(done, self._last[0]), max(reached, self._last[1]))
        return self._last[1]
