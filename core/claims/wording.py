"""Figures, verdicts and rules of claims in words, alike on the screen, in a terminal and in a
report."""

from __future__ import annotations

from math import inf, isnan

from core.claims.claim import Check, Figure, Finding, Unit
from core.claims.rules import Verdict
from core.claims.table import ClaimRow
from core.runs.headline import signed
from core.system.percent import percent, percent_number

SIGNS = {
    Verdict.HOLDS: "✓",
    Verdict.FAILS: "✗",
    Verdict.UNCLEAR: "?",
    Verdict.NOT_MEASURED: "○",
}
"""A shape for each verdict, so that colour is never the only cue."""

_UNITS: dict[Unit, str] = {
    "share": " %",
    "points": " points",
    "times": " times",
    "nats": " nats",
    "rank": "",
}
ENOUGH = (
    "n (w / d)²: d is the distance from the figure to the bound, w that to the end of its interval "
    "on that side. It assumes that the figure stays what it is and that intervals shrink with the "
    "square root of n; where all values are equal, they shrink with n."
)
"""How the n that would tell is computed."""


def figure_in_words(figure: Figure) -> str:
    """A figure with its interval and n: "1.3 % [1.1, 1.4], n = 333 chains"."""
    found = figure.estimate
    if isnan(found.value):
        return "unknown"
    unit, n = _UNITS[figure.unit], f"n = {found.n:,} {figure.of}"
    value = number(found.value, figure.unit) + unit
    if isnan(found.low) or isnan(found.high):
        return f"{value} [interval unknown], {n}"
    low, high = (_end(end, figure.unit, found.value) for end in (found.low, found.high))
    return f"{value} [{low}, {high}], {n}"


def _end(end: float, unit: Unit, value: float) -> str:
    """An end of an interval, as precise as its figure."""
    if unit != "share":
        return number(end, unit)
    return f"{100 * end:.{_digits(value)}f}"


def _digits(share: float) -> int:
    return 2 if 0 < share < 0.1 else 1


def number(value: float, unit: Unit) -> str:
    """A number in its unit, without the unit's name."""
    if unit == "share":
        return percent_number(value, _digits(value))
    if unit == "points":
        return signed(100 * value)
    return f"{value:.3g}" if unit == "times" else f"{value:.2f}"


def rule_in_words(check: Check) -> str:
    """When a figure supports its claim: "holds if certainly below 4.1 %"."""
    unit = check.figure.unit
    name = _UNITS[unit]

    def bound(value: float) -> str:
        if unit == "share":
            return percent(value, 2 if value < 0.01 else 1)
        return f"{number(value, unit)}{name}"

    rule = check.rule
    if rule.low == -inf:
        return f"holds if the interval is below {bound(rule.high)}"
    if rule.high == inf:
        return f"holds if the interval is above {bound(rule.low)}"
    return f"holds if the interval is between {bound(rule.low)} and {bound(rule.high)}"


def control_in_words(finding: Finding) -> str:
    """What a finding is compared with."""
    if isinstance(finding.control, str):
        return finding.control
    return f"{finding.control.label}: {figure_in_words(finding.control)}"


def enough_in_words(finding: Finding) -> str:
    """The n that would tell, for a finding that can't; "" for others."""
    if finding.verdict is not Verdict.UNCLEAR:
        return ""
    unclear = next(each for each in finding.checks if each.verdict is Verdict.UNCLEAR)
    if finding.enough is None:
        return "A figure lies on its bound, or its interval is unknown: no n can be named."
    return f"It would take about {finding.enough:,} {unclear.figure.of}."


def verdict_in_words(row: ClaimRow) -> str:
    """The verdict with its sign; of an exploratory finding it says so."""
    explores = row.finding is not None and row.finding.exploratory
    return f"{SIGNS[row.verdict]} {row.verdict}{' (exploration)' if explores else ''}"
