"""Format figures: percentages, percentage points, 95 % intervals."""

from __future__ import annotations

import html
from math import isnan
from pathlib import Path

from core.evaluation.results import NO_FAMILY, FamilySummary
from core.statistics import Estimate
from core.system.percent import percent, percent_span

__all__ = [
    "amount_and_range",
    "amount_range",
    "changed_at",
    "family_label",
    "percent",
    "percent_range",
    "plotly_text",
    "points",
    "share_and_range",
    "signed_amount",
]


def percent_range(estimate: Estimate) -> str:
    """The interval of a share: 41.6–47.4 %."""
    return percent_span(estimate.low, estimate.high)


def share_and_range(estimate: Estimate, digits: int = 1) -> str:
    """A share with its interval, for a table: 44.5 % [41.6–47.4 %]; without one of a single n."""
    shown = percent(estimate.value, digits)
    if isnan(estimate.low):
        return shown
    return f"{shown} [{percent_span(estimate.low, estimate.high, digits)}]"


def points(estimate: Estimate) -> str:
    """A difference of shares with its interval, in percentage points: +51.9 [+48.8, +55.0]."""
    return f"{estimate.value * 100:+.1f} [{estimate.low * 100:+.1f}, {estimate.high * 100:+.1f}]"


def amount_range(estimate: Estimate) -> str:
    """The interval of an amount: 47.9–49.8."""
    return "unknown" if isnan(estimate.low) else f"{estimate.low:.1f}–{estimate.high:.1f}"


def amount_and_range(estimate: Estimate, digits: int = 2) -> str:
    """An amount with its interval, for a table: 1.54 [1.52, 1.56]; without one of a single n."""
    if isnan(estimate.value):
        return "unknown"
    value, low, high = (f"{e:.{digits}f}" for e in (estimate.value, estimate.low, estimate.high))
    return value if isnan(estimate.low) else f"{value} [{low}, {high}]"


def signed_amount(estimate: Estimate) -> str:
    """A difference of amounts with its interval: -0.3 [-0.9, +0.2]."""
    span = "" if isnan(estimate.low) else f" [{estimate.low:+.1f}, {estimate.high:+.1f}]"
    return f"{estimate.value:+.1f}{span}"


def family_label(family: FamilySummary) -> str:
    """A family's name with its n, for a plotly label."""
    name = NO_FAMILY if family.family is None else family.family
    shown = name if len(name) <= 24 else name[:23] + "…"
    return f"{plotly_text(shown)} ({family.n})"


def plotly_text(text: str) -> str:
    """Escape text for a plotly label, name or hover text, which may contain some HTML.

    Quotes are not escaped: plotly would show &quot; literally.
    """
    return html.escape(text, quote=False)


def changed_at(path: Path) -> int:
    """Time of a file's last change in nanoseconds; 0 if missing or unreadable."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
