"""Times two ways of doing the same work in alternating rounds, so that a busy machine hits both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Round:
    """Seconds that one round took."""

    ours: float
    theirs: float


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Seconds, and what the work returned."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def alternate(
    index: int, ours: Callable[[], T], theirs: Callable[[], T], check: Callable[[T, T], None]
) -> Round:
    """One round; who goes first changes with `index`. `check` compares what the two returned."""
    if index % 2:
        their_seconds, their_result = timed(theirs)
        our_seconds, our_result = timed(ours)
    else:
        our_seconds, our_result = timed(ours)
        their_seconds, their_result = timed(theirs)
    check(our_result, their_result)
    return Round(our_seconds, their_seconds)


def line(name: str, rounds: Sequence[Round], *, faster: bool, target: float) -> str:
    """One line of a table: medians, the median [min, max] of the rounds' ratios, the target.

    `faster` gives theirs / ours, to be at least the target; else ours / theirs, to be at most it.
    """
    ratios = [r.theirs / r.ours if faster else r.ours / r.theirs for r in rounds]
    median = statistics.median(ratios)
    met = median >= target if faster else median <= target
    ours = statistics.median(r.ours for r in rounds)
    theirs = statistics.median(r.theirs for r in rounds)
    spread = f"{median:.2f} [{min(ratios):.2f}, {max(ratios):.2f}]"
    sign = ">=" if faster else "<="
    return table_row(
        name, f"{ours:.3f} s", f"{theirs:.3f} s", spread, f"{sign} {target}", "yes" if met else "NO"
    )


def table_row(*cells: str) -> str:
    """Cells in the columns that every table here has."""
    widths = (34, 10, 10, 22, 8, 4)
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()


def table_head(ratio: str) -> str:
    """The names of the columns."""
    return table_row("", "ours", "theirs", ratio, "target", "met")
