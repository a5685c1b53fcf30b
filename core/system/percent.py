"""Write shares as percentages, alike on the screen and in a terminal."""

from __future__ import annotations

from math import isnan


def percent(share: float, digits: int = 1) -> str:
    """A share as a percentage: 44.4 %, < 0.1 %; unknown for NaN.

    Args:
        share, digits: as of `percent_number`.
    """
    return "unknown" if isnan(share) else f"{percent_number(share, digits)} %"


def percent_number(share: float, digits: int = 1) -> str:
    """A share as a percentage without its sign.

    Args:
        share: between 0 and 1.
        digits: after the point. A share that isn't 0 or 1 is never rounded to 0 % or 100 %: the
            least and the most that can be written stand for it.
    """
    least = 10.0**-digits
    shown = f"{100 * share:.{digits}f}"
    if share > 0 and float(shown) == 0:
        return f"< {least:.{digits}f}"
    if share < 1 and float(shown) == 100:
        return f"> {100 - least:.{digits}f}"
    return f"{100 * share:.0f}" if share in (0, 1) else shown


def percent_span(low: float, high: float, digits: int = 1) -> str:
    """Two shares with one sign: 5.0–36.4 %; unknown where one of them is NaN."""
    if isnan(low) or isnan(high):
        return "unknown"
    return f"{100 * low:.{digits}f}–{100 * high:.{digits}f} %"
