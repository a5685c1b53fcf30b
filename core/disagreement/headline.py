"""A comparison in one figure and one sentence: how many tokens are changed, and where."""

from __future__ import annotations

from pathlib import PurePath

from core.disagreement.results import PLACES, CompareResults, TeacherSummary
from core.disagreement.token_classes import TokenClass
from core.runs.headline import Headline, counted, short_number, short_percent, span
from core.statistics import Estimate
from core.system.percent import percent, percent_number


def compare_headline(results: CompareResults) -> Headline:
    """The share of the base's tokens that the teachers would change, and where in the chain."""
    teachers = results.teachers
    if not teachers or not any(each.tokens for each in teachers):
        return Headline("no tokens", "No tokens have been compared.")
    *more, last = [_changed(each) for each in teachers]
    figure = ", ".join([*map(short_number, more), short_percent(last)])
    return Headline(
        f"{figure} changed",
        " ".join(_sentence(each, results, named=bool(more)) for each in teachers),
    )


def changed_share(each: TeacherSummary) -> Estimate:
    """Share of tokens that are reranked or shifted, of at least one token."""
    same = each.unshifted
    changed = each.tokens - each.counts[TokenClass.UNSHIFTED]
    return Estimate(changed / each.tokens, 1 - same.high, 1 - same.low, same.n)


def half_within(each: TeacherSummary) -> float | None:
    """The smallest first part of the chains, in tenths, that holds half of the changed tokens; None
    where nothing is changed."""
    total, found = sum(each.place_counts), 0
    for place, count in enumerate(each.place_counts, 1):
        found += count
        if total and 2 * found >= total:
            return place / PLACES
    return None


def _changed(each: TeacherSummary) -> float:
    return changed_share(each).value


def _sentence(each: TeacherSummary, results: CompareResults, *, named: bool) -> str:
    name = f"{PurePath(each.teacher).name}: " if named else ""
    made = f"{counted(each.tokens, 'token')} of {counted(results.n, 'chain')}"
    if results.along == "teacher":
        made += " that the teacher wrote"
    part = half_within(each)
    if part is None:
        agrees = f"{name}0 % of tokens changed ({made}): "
        return agrees + "the teacher agrees with the base everywhere."
    found = changed_share(each)
    where = f"half of them in the first {percent_number(part, 0)} % of the chain"
    return (
        f"{name}{percent(found.value, 2)} of tokens changed ({made}; 95 % interval "
        f"{span(found)} %), {where}."
    )
