"""An evaluation in one figure and one sentence."""

from __future__ import annotations

from core.evaluation.comparison import EvaluationComparison
from core.evaluation.results import EvaluationResults
from core.runs.headline import (
    Headline,
    clear,
    counted,
    interval,
    points,
    short_number,
    short_percent,
    span,
)
from core.statistics import settled
from core.system.percent import percent


def evaluation_headline(results: EvaluationResults) -> Headline:
    """pass@1 with its interval; with an earlier evaluation, the change from it."""
    return _headline(results, "sample")


def rollouts_headline(results: EvaluationResults) -> Headline:
    """The share of rollouts that are correct."""
    return _headline(results, "rollout")


def change(found: EvaluationComparison) -> str:
    """Accuracy before and after in as few signs as tell it: "44 → 94 %"."""
    return f"{short_number(found.before.value)} → {short_percent(found.after.value)}"


def comparison_word(found: EvaluationComparison) -> str:
    """The word for a change: `UNCLEAR` where its interval and McNemar's test disagree about the
    same thing, which they measure where every problem is either right or wrong."""
    same = all(
        abs(accuracy.value * found.n - solved) < 1e-6
        for accuracy, solved in (
            (found.before, found.solved_before),
            (found.after, found.solved_after),
        )
    )
    return settled(found.word, found.mcnemar_p) if same else found.word


def change_sentence(found: EvaluationComparison) -> str:
    """How much an accuracy has changed, with its interval, and whether that is clear."""
    return f"{points(found.difference)}. {clear(comparison_word(found))}"


def _headline(results: EvaluationResults, sampled: str) -> Headline:
    found = results.pass_at_1
    problems = counted(results.n, "problem")
    if results.uneven is not None or results.samples > 1:
        drawn = f"{problems}, {results.samples} {sampled}s each"
        if results.uneven is not None:
            drawn = f"{counted(results.uneven, sampled)} of {problems}"
        made = f"{drawn}; {interval(found)}"
        sentence = f"{percent(found.value)} correct on average ({made})."
    else:
        sentence = f"{percent(found.value)} correct ({problems}; {interval(found)})."
    if results.comparison is None:
        return Headline(f"{short_percent(found.value)} ({span(found)})", sentence)
    return Headline(
        change(results.comparison),
        f"{sentence} Against the earlier evaluation: {change_sentence(results.comparison)}",
    )
