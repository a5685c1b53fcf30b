"""Write shares as percentages, alike on the screen and in a terminal."""

from __future__ import annotations

from math import isnan


def percent(share: float, digits: int = 1) -> str:
    """A share as a percentage: 44.4 %, < 0.1 %, unknown for NaN.

    Args:
        share: between 0 and 1.
        digits: after the point. A share that isn't 0 or 1 is never rounded to 0 % or 100 %: the
            least and the most that can be written stand for it.
    """
    if isnan(share):
        return "unknown"
    least = 10.0**-digits
    value = 100 * share
    if 0 < value < least / 2:
        return f"< {least:.{digits}f} %"
    if 100 - least / 2 <= value < 100:
        return f"> {100 - least:.{digits}f} %"
    return f"{value:.0f} %" if value in (0, 100) else f"{value:.{digits}f} %"


def percent_span(low: float, high: float, digits: int = 1) -> str:
    """Two shares with one sign: 5.0-36.4 %; unknown where one of them is NaN."""
    if isnan(low) or isnan(high):
        return "unknown"
    return f"{100 * low:.{digits}f}-{100 * high:.{digits}f} %"
