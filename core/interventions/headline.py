"""An intervention study in one figure and one sentence: forks against random positions first."""

from __future__ import annotations

from core.interventions.results import ArmSummary, Comparison, InterventionResults
from core.runs.headline import Headline, clear, counted, interval, short_number, short_percent, span
from core.statistics import settled
from core.system.percent import percent


def intervention_headline(results: InterventionResults) -> Headline:
    """Single replaced tokens at forks against those at random positions; else the oracle against
    the base; else the base alone."""
    arms = {each.arm: each for each in results.arms}
    base, forks, random = arms.get("base"), arms.get("base_only"), arms.get("base_only_control")
    if forks is not None and forks.sweep is not None and forks.sweep.attempts:
        return _of_forks(forks, random)
    oracle = arms.get("oracle")
    if base is not None and oracle is not None:
        return _of_oracle(base, oracle)
    if base is None:
        return Headline("no arms", "No arms have been measured.")
    return Headline(
        f"base {short_percent(base.accuracy.value)}",
        f"The base is correct on {percent(base.accuracy.value)} of "
        f"{counted(results.n, 'problem')} ({interval(base.accuracy)}).",
    )


def comparison_word(found: Comparison) -> str | None:
    """The word for a difference between accuracies: `UNCLEAR` where its interval and McNemar's
    test disagree. None for a sweep, which can only gain on the base."""
    return None if found.word is None else settled(found.word, found.mcnemar_p)


def _of_forks(forks: ArmSummary, random: ArmSummary | None) -> Headline:
    sweep, control = forks.sweep, None if random is None else random.sweep
    assert sweep is not None
    figure = f"forks {short_percent(sweep.rescues.value)}"
    sentence = (
        "Replacing one token at an uncertain position fixes a wrong answer in "
        f"{percent(sweep.rescues.value)} of tries"
    )
    wrong = counted(sweep.recovered.n, "wrong answer")
    if control is None or not control.attempts or forks.against_control is None:
        return Headline(figure, f"{sentence} ({wrong}; {interval(sweep.rescues)}).")
    both = f"95 % intervals {span(sweep.rescues)} % and {span(control.rescues)} %"
    return Headline(
        f"{figure} v random {short_percent(control.rescues.value)}",
        f"{sentence}; at random positions, {percent(control.rescues.value)} ({wrong}; {both}). "
        # The exact test counts chains with any success, which many tries make likely.
        f"{clear(forks.against_control.word or '')}",
    )


def _of_oracle(base: ArmSummary, oracle: ArmSummary) -> Headline:
    before, after = base.accuracy, oracle.accuracy
    put = "" if oracle.put is None else f" at {percent(oracle.put.changed_share.value)} of tokens"
    word = None if oracle.comparison is None else comparison_word(oracle.comparison)
    return Headline(
        f"{short_number(before.value)} → {short_percent(after.value)}",
        f"Following the teacher{put} takes the base from {percent(before.value)} to "
        f"{percent(after.value)} correct ({counted(base.n, 'problem')}; 95 % intervals "
        f"{span(before)} % and {span(after)} %).{'' if word is None else f' {clear(word)}'}",
    )
