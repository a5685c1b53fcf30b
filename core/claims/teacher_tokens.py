"""ReasonMaxxer, sections 3.2 and 3.3: what the trained model's tokens do in the base's chains."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from core.claims.claim import MARGIN, Check, Claim, Figure, Finding
from core.claims.decoding_steps import TAU, interventions
from core.claims.papers import REASONMAXXER
from core.claims.rules import Rule
from core.runs.run import Run
from core.statistics import Estimate, paired_difference
from core.system.percent import percent

if TYPE_CHECKING:
    from core.claims.claim import Runs
    from core.claims.scope import Scope
    from core.interventions.results import ArmSummary

_NAME = "interventions"


def arm_of(runs: Runs, key: str) -> ArmSummary | None:
    """The summary of an arm; None before there are results."""
    from core.interventions.task import INTERVENTIONS

    results = INTERVENTIONS.results_of(runs[_NAME])
    if results is None or results.n == 0:
        return None
    return next((each for each in results.arms if each.arm == key), None)


def difference(runs: Runs, one: str, other: str) -> Estimate:
    """The accuracy of an arm less that of another, paired by problem."""
    run = runs[_NAME]
    correct = _correct(str(run.folder), run.config.created)
    return paired_difference(correct[one], correct[other], run.config.seed)


@lru_cache(maxsize=20)
def _correct(folder: str, created: str) -> dict[str, tuple[bool, ...]]:
    """Whether each problem's chain is correct, by arm, of a finished run."""
    from core.interventions.task import INTERVENTIONS

    records = INTERVENTIONS.records_of(Run.open(Path(folder)))
    arms = [chain.arm for chain in records[0].chains]
    return {arm: tuple(record.chain(arm).correct for record in records) for arm in arms}


def _oracle(runs: Runs, scope: Scope) -> Finding | None:
    oracle, base, teacher = (arm_of(runs, key) for key in ("oracle", "base", "teacher"))
    if oracle is None or base is None or teacher is None:
        return None
    against_teacher = Figure(
        "accuracy with the teacher's tokens, less the teacher's own",
        difference(runs, "oracle", "teacher"),
        "points",
    )
    against_random = Figure(
        "less random tokens at the same kind of positions",
        difference(runs, "oracle", "random_substitution"),
        "points",
    )
    put = oracle.put
    share = "" if put is None else f" at {percent(put.changed_share.value)} of tokens"
    return Finding(
        (
            Check(against_teacher, Rule(-MARGIN, MARGIN)),
            Check(against_random, Rule(low=0.0)),
        ),
        _accuracy(runs, "random_substitution", "accuracy with random substitutions"),
        (
            f"Base {percent(base.accuracy.value)}, with the teacher's tokens{share} "
            f"{percent(oracle.accuracy.value)}, teacher {percent(teacher.accuracy.value)}.",
            "Every token is then the teacher's own choice on that prefix, so the first figure is "
            "equal by construction: the difference from random tokens is the evidence.",
        ),
    )


def _random(runs: Runs, scope: Scope) -> Finding | None:
    random = arm_of(runs, "random_substitution")
    if random is None:
        return None
    figure = Figure(
        "accuracy with random substitutions, less the base's",
        difference(runs, "random_substitution", "base"),
        "points",
    )
    return Finding(
        (Check(figure, Rule(high=MARGIN)),),
        Figure(
            "with the teacher's tokens, less the base's",
            difference(runs, "oracle", "base"),
            "points",
        ),
    )


def _gate(runs: Runs, scope: Scope) -> Finding | None:
    gated, base = arm_of(runs, "entropy_gated"), arm_of(runs, "base")
    if gated is None or base is None or gated.put is None:
        return None
    accuracy = Figure(
        "accuracy with the teacher's tokens at forks only, less the teacher's own",
        difference(runs, "entropy_gated", "teacher"),
        "points",
    )
    touched = Figure("tokens touched", gated.put.touched_share, "share", "chains")
    return Finding(
        (Check(accuracy, Rule(low=-MARGIN)), Check(touched, Rule(high=_TOUCHED[1]))),
        Figure(
            "with the teacher's tokens everywhere but at forks, less the base's",
            difference(runs, "complement", "base"),
            "points",
        ),
        (f"Base {percent(base.accuracy.value)}, gated {percent(gated.accuracy.value)}.",),
    )


def _accuracy(runs: Runs, key: str, label: str) -> Figure | str:
    arm = arm_of(runs, key)
    return "not run" if arm is None else Figure(label, arm.accuracy, "share")


_TOUCHED = (0.012, 0.083)

TEACHER_TOKENS = (
    Claim(
        id="rm-oracle",
        paper=REASONMAXXER,
        section="3.2",
        sentence="The trained model's tokens, put into the base's chains wherever the two differ, "
        "make the base as accurate as the trained model.",
        stated="equals the trained model's pass@1 (MATH-500, greedy)",
        numbers=(0.0,),
        steps=(interventions("base", "oracle", "teacher", "random_substitution"),),
        read=_oracle,
    ),
    Claim(
        id="rm-random",
        paper=REASONMAXXER,
        section="3.2",
        sentence="Random tokens at these positions don't help.",
        stated="no better than the base, often worse",
        numbers=(0.0,),
        steps=(interventions("base", "oracle", "random_substitution"),),
        read=_random,
    ),
    Claim(
        id="rm-gate",
        paper=REASONMAXXER,
        section="3.3",
        sentence="The trained model's tokens are enough where the base's entropy is above "
        f"{TAU} nats.",
        stated="equals or nears the trained model, touching 1.2 to 8.3 % of tokens",
        numbers=(0.0,),
        steps=(interventions("base", "entropy_gated", "complement", "teacher", tau=TAU),),
        read=_gate,
    ),
)
