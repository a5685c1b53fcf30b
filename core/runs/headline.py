"""What a run has found, in one short figure and one plain sentence."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan

from core.statistics import BETTER, SAME, UNCLEAR, WORSE, Estimate
from core.system.percent import percent, percent_number

FEW = 30
"""Problems below which a run says that its interval is wide."""

_WIDE, _NARROW = 0.05, 0.003  # widths of an interval that needs no decimals, and that needs two
_CLEAR = {
    BETTER: "The difference is clear.",
    WORSE: "The difference is clear.",
    SAME: "No measurable difference.",
    UNCLEAR: "The difference is unclear.",
}


@dataclass(frozen=True)
class Headline:
    """The result of a run, where there is room for little.

    Attributes:
        figure: for a table cell, such as "33 % (14–58)" or "44 → 94 %".
        sentence: the same in plain words, with the number of problems and the 95 % interval.
    """

    figure: str
    sentence: str


def short_percent(share: float) -> str:
    """A share in as few signs as tell it: "33 %", "1.2 %", "< 0.1 %"."""
    return percent(share, _few_digits(share))


def short_number(share: float) -> str:
    """A share as `short_percent` writes it, without its sign."""
    return "unknown" if isnan(share) else percent_number(share, _few_digits(share))


def span(estimate: Estimate) -> str:
    """The interval of a share, as precise as its width allows: "5–36"; "unknown" where it is."""
    if isnan(estimate.low):
        return "unknown"
    width = estimate.high - estimate.low
    digits = 0 if width >= _WIDE else 1 if width >= _NARROW else 2
    low, high = (f"{100 * end:.{digits}f}" for end in (estimate.low, estimate.high))
    return f"{low}–{high}"


def interval(estimate: Estimate) -> str:
    """The interval of a share in words: "95 % interval 5–36 %"."""
    return f"95 % interval {span(estimate)}{'' if isnan(estimate.low) else ' %'}"


def points(difference: Estimate) -> str:
    """A difference of shares: "+4.2 points (95 % interval −3.1 to +11.0)"."""
    low, high = (signed(100 * end) for end in (difference.low, difference.high))
    return f"{signed(100 * difference.value)} points (95 % interval {low} to {high})"


def signed(amount: float, digits: int = 1) -> str:
    """An amount with its sign, a true minus; one that rounds to 0 has none."""
    shown = f"{abs(amount):.{digits}f}"
    return shown if float(shown) == 0 else f"{'+' if amount > 0 else '−'}{shown}"


def clear(word: str) -> str:
    """A sentence that says whether a difference is one."""
    return _CLEAR[word]


def counted(n: int, noun: str) -> str:
    """A number of things: "1 problem", "1,200 problems"."""
    return f"{n:,} {noun}{'s' * (n != 1)}"


def _few_digits(share: float) -> int:
    return 0 if share in (0, 1) or 0.0995 <= share < 0.995 else 1
