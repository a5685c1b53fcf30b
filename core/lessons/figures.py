"""What was measured for a step, each figure in one sentence with n, interval and control."""

from __future__ import annotations

from dataclasses import replace
from math import isnan

from core.chains.pivotality import decisive
from core.disagreement.headline import compare_headline
from core.lessons.amounts import Unit, amount, in_unit
from core.lessons.measuring import Decisions, Tuning
from core.runs.headline import counted, interval, points
from core.system.percent import percent


def tuning_figures(tuning: Tuning, unit: Unit) -> tuple[str, ...]:
    """What a trained model changes, where, and what following it is worth beside its control."""
    teacher, base = tuning.teacher, tuning.arm("base")
    scale = in_unit(1.0, unit)
    both = [
        f"{words} {amount(found.value, unit)} {found.brackets(2, scale=scale)}"
        for words, found in (
            ("at changed tokens", teacher.entropy_changed),
            ("at the others", teacher.entropy_unshifted),
        )
        if not isnan(found.value)  # there are no such tokens
    ]
    entropy = f"Entropy {', '.join(both)} (95 % intervals)."
    arms = []
    for key, words in (
        ("oracle", "following the trained model wherever it disagrees"),
        ("random_position", "as a control, as many tokens at random positions"),
        ("teacher", "the trained model by itself"),
    ):
        comparison = tuning.arm(key).comparison
        if comparison is not None:
            arms.append(f"{words}, {points(comparison.difference)}")
    correct = (
        f"The base is correct on {percent(base.accuracy.value)} of {counted(base.n, 'problem')} "
        f"({interval(base.accuracy)})."
    )
    headline = compare_headline(tuning.compared).sentence
    return (headline, entropy, f"{correct} Against it: {'; '.join(arms)}.")


def decision_figures(decisions: Decisions) -> tuple[str, ...]:
    """How much the two forks decide, each with its n and the control beside it."""
    both = [decisions.idle, *([] if decisions.fork is None else [decisions.fork])]
    sure = decisive([replace(each, position=number) for number, each in enumerate(both)])
    names = ("This fork", "Control, the fork of the step “Force another token”,")
    found = []
    for number, (name, each) in enumerate(zip(names, both, strict=False)):
        counts = [one.p_correct for one in each.alternatives]
        often = dict.fromkeys(percent(end(one.value for one in counts), 0) for end in (min, max))
        p = "p < 0.001" if each.p_value < 0.001 else f"p = {each.p_value:.2g}"
        word = "" if number in sure else f" {each.undecided}."
        if number in sure and number == 0:
            word = (
                " Its greedy endings agree, but the sampled ones differ: it does decide something."
            )
        found.append(
            f"{name} explains {percent(each.share_decided, 0)} of the variation in correctness "
            f"({p}, n = {counts[0].n} samples after each of {len(counts)} alternatives; correct "
            f"{' to '.join(often)} of the time).{word}"
        )
    return tuple(found)
