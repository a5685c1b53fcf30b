"""Verdicts: when a figure with its interval supports a claim, when it contradicts it, and how many
problems it would take to tell.

A figure is held against bounds that are fixed before anything is measured. The claim holds where
the whole 95 % interval lies inside them, and doesn't hold where the whole interval lies outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import ceil, inf, isfinite, isnan

from core.statistics import Estimate, share


class Verdict(StrEnum):
    """What is known of a claim on a model."""

    HOLDS = "holds"
    FAILS = "does not hold"
    UNCLEAR = "can't tell with this n"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Rule:
    """The bounds of a figure: it must be above `low` and below `high`, in its own unit."""

    low: float = -inf
    high: float = inf

    def judge(self, found: Estimate) -> Verdict:
        """What an interval says; one that is unknown or touches a bound can't tell."""
        if isnan(found.value) or isnan(found.low) or isnan(found.high):
            return Verdict.UNCLEAR
        if found.low > self.low and found.high < self.high:
            return Verdict.HOLDS
        if found.high <= self.low or found.low >= self.high:
            return Verdict.FAILS
        return Verdict.UNCLEAR

    def enough(self, found: Estimate) -> int | None:
        """The n at which the interval would no longer contain a bound, if the figure stays what it
        is: n (w / d)², where d is the distance from the figure to the bound and w the one to the
        end of the interval on that side, since widths fall with the square root of n. Where all
        values are equal (0 of n, say), w falls with n itself, as Wilson's interval does:
        z² (1 / d - 1), z = 1.96.

        None where the verdict is clear, where the interval is unknown, and where the figure lies on
        a bound, so that no n is enough.
        """
        if self.judge(found) is not Verdict.UNCLEAR or found.n < 1:
            return None
        ends = (found.value, found.low, found.high)
        if not all(map(isfinite, ends)):
            return None
        needed = [self._enough_for(found, bound) for bound in self._bounds(found.value)]
        return None if None in needed else max(each for each in needed if each is not None)

    def _bounds(self, value: float) -> list[float]:
        """The bounds that the interval must not contain: both for a figure between them, else the
        nearest one."""
        if self.low < value < self.high:
            return [each for each in (self.low, self.high) if isfinite(each)]
        return [self.low] if value <= self.low else [self.high]

    @staticmethod
    def _enough_for(found: Estimate, bound: float) -> int | None:
        distance = abs(found.value - bound)
        width = found.value - found.low if bound < found.value else found.high - found.value
        if distance == 0:
            return None
        if width < distance:
            return found.n
        if _all_equal(found):
            return ceil(_Z_SQUARED * (1 / distance - 1)) if distance < 1 else None
        return max(ceil(found.n * (width / distance) ** 2 - _ROUNDING), found.n + 1)


def together(verdicts: list[Verdict]) -> Verdict:
    """Of a claim with several figures: it holds if all of them do, and doesn't if one doesn't."""
    if not verdicts:
        return Verdict.NOT_MEASURED
    for verdict in (Verdict.FAILS, Verdict.UNCLEAR):
        if verdict in verdicts:
            return verdict
    return Verdict.HOLDS


_Z_SQUARED = 1.959964**2
_ROUNDING = 1e-9  # 90 is 90.00000000000001


def _all_equal(found: Estimate) -> bool:
    """Whether the interval is that of n equal values, 0 or 1: of a share, or of a difference."""
    unseen = share(0, found.n).high
    width = found.high - found.low
    return found.value in (0, 1) and any(abs(width - k * unseen) < 1e-9 for k in (1, 2))
