"""80/20: how the entropy of tokens is distributed, and temperature at forks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from core.claims.changed_tokens import summary_of
from core.claims.claim import Check, Claim, Figure, Finding
from core.claims.decoding_steps import COMPARISON, SAMPLED, fork_temperature
from core.claims.papers import EIGHTY_TWENTY
from core.claims.rules import Rule
from core.claims.training_steps import ANY_ROLLOUTS, ROLLOUTS
from core.disagreement.divergence import TOP_SHARE
from core.system.percent import percent

if TYPE_CHECKING:
    from core.claims.claim import Runs
    from core.claims.scope import Scope
    from core.thresholds.measurement import EntropyMeasurement

_SURE = 0.01  # nats
_FEW = 0.25  # of tokens
_EIGHTIETH = 0.672  # nats, the paper's 80th percentile


def _entropies(runs: Runs) -> EntropyMeasurement:
    from core.reasonmaxxer.rollouts import rollout_entropies

    return rollout_entropies(runs[ROLLOUTS.name])


def _mostly_sure(runs: Runs, scope: Scope) -> Finding | None:
    found = _entropies(runs)
    above = found.share_above(_SURE)
    below = type(above)(1 - above.value, 1 - above.high, 1 - above.low, above.n)
    figure = Figure(f"tokens with an entropy up to {_SURE:g} nats", below, "share")
    return Finding(
        (Check(figure, Rule(low=0.5)),),
        "No control, since it is a property of the base alone.",
        (f"{found.tokens:,} tokens.",),
    )


def _one_fifth(runs: Runs, scope: Scope) -> Finding | None:
    found = _entropies(runs)
    figure = Figure(f"tokens above {_EIGHTIETH:g} nats", found.share_above(_EIGHTIETH), "share")
    percentile = found.threshold(TOP_SHARE).tau
    return Finding(
        (Check(figure, Rule(high=_FEW)),),
        "No control, since it is a property of the base alone.",
        (
            f"The 80th percentile here is {percentile.value:.3f} nats {percentile.brackets()}.",
            f"Fewer than {percent(_FEW, 0)} counts as a fifth or less: our bound.",
        ),
    )


def _kept_pattern(runs: Runs, scope: Scope) -> Finding | None:
    found = summary_of(runs, scope)
    if found is None or found.divergence is None or found.divergence.top_entropy_overlap is None:
        return None
    overlap = found.divergence.top_entropy_overlap
    figure = Figure(
        f"of the base's {percent(TOP_SHARE, 0)} of tokens with the highest entropy, those that "
        "are also the trained model's",
        overlap,
        "share",
        "chains",
    )
    return Finding(
        (Check(figure, Rule(low=0.5)),),
        f"By chance: {percent(TOP_SHARE, 0)}, if the two had nothing in common.",
        ("More than half counts as kept: our bound.",),
    )


def _temperature(runs: Runs, scope: Scope, sign: int) -> Finding | None:
    from core.evaluation.comparison import compare
    from core.evaluation.task import EVALUATE

    forks, control = _STEPS[sign]
    plain, at_forks, at_random = (
        EVALUATE.records_of(runs[name]) for name in (SAMPLED.name, forks.name, control.name)
    )
    results = EVALUATE.results_of(runs[forks.name])
    seed = runs[forks.name].config.seed
    gain, against = compare(plain, at_forks, seed), compare(at_random, at_forks, seed)
    rule = Rule(low=0.0) if sign > 0 else Rule(high=0.0)
    settings = runs[forks.name].config.settings
    checks = [
        Check(Figure("pass@1, less that of one temperature", gain.difference, "points"), rule)
    ]
    if sign > 0:  # that a lower one hurts there says nothing of other positions
        label = "less the same temperature at random positions"
        checks.append(Check(Figure(label, against.difference, "points"), rule))
    share = "" if results is None or results.at_forks is None else percent(results.at_forks.value)
    return Finding(
        tuple(checks),
        Figure(
            "the same temperature at as many random positions, less one temperature",
            compare(plain, at_random, seed).difference,
            "points",
        ),
        (
            f"Temperature {settings['fork_temperature']:g} at forks above "
            f"{settings['fork_tau']:g} nats ({share} of tokens), {settings['temperature']:g} "
            f"elsewhere; pass@1 {percent(gain.before.value)} with one temperature, "
            f"{percent(gain.after.value)} with two.",
        ),
    )


_STEPS = {sign: fork_temperature(sign) for sign in (1, -1)}

ENTROPY_PATTERN = (
    Claim(
        id="8020-sure",
        paper=EIGHTY_TWENTY,
        section="entropy of tokens",
        sentence="The base is sure of most of its tokens.",
        stated="more than half of tokens have an entropy below .01 nats",
        numbers=(0.5,),
        steps=(ANY_ROLLOUTS,),
        read=_mostly_sure,
    ),
    Claim(
        id="8020-fifth",
        paper=EIGHTY_TWENTY,
        section="entropy of tokens",
        sentence="Only a fifth of tokens has a high entropy.",
        stated="the 80th percentile is at .672 nats",
        numbers=(0.2,),
        steps=(ANY_ROLLOUTS,),
        read=_one_fifth,
    ),
    Claim(
        id="8020-pattern",
        paper=EIGHTY_TWENTY,
        section="entropy during training",
        sentence="Training keeps the base's entropy pattern: the same tokens stay uncertain.",
        stated="RL keeps the base's entropy pattern",
        numbers=(),
        steps=(COMPARISON,),
        read=_kept_pattern,
    ),
    Claim(
        id="8020-hot",
        paper=EIGHTY_TWENTY,
        section="temperature at forks",
        sentence="A higher temperature only at forks helps.",
        stated="higher at forks helps",
        numbers=(),
        steps=(SAMPLED, *_STEPS[1]),
        read=partial(_temperature, sign=1),
    ),
    Claim(
        id="8020-cold",
        paper=EIGHTY_TWENTY,
        section="temperature at forks",
        sentence="A lower temperature only at forks hurts.",
        stated="lower at forks hurts",
        numbers=(),
        steps=(SAMPLED, *_STEPS[-1]),
        read=partial(_temperature, sign=-1),
    ),
)
