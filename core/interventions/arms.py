"""The arms of the intervention study: where each puts a token, and which one (paper section 3).

An arm is one entry of `ARMS`: its label, what it needs, and how it plans its rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from core.chains.sweep import Attempt, Sweep, plan_sweep
from core.decoding.guidance import Rule
from core.decoding.loop import Row
from core.entropy import highest_entropy_positions
from core.interventions.arm import (
    BASE_ALONE,
    BY_TEACHER,
    CONTROLS,
    Arm,
    Plan,
    Planner,
    Situation,
    guided,
    own_chain,
    row_of,
)
from core.interventions.rules import (
    at_most,
    complement,
    divergence_gated,
    entropy_gated,
    oracle,
    random_alternative,
    random_substitution,
    teacher_at,
    top5_oracle,
)


def _no_op(situation: Situation) -> list[Plan]:
    base = situation.decoded["base"]
    highest = highest_entropy_positions(base.statistics.entropy, situation.settings.positions)
    return [Plan(row_of(situation, {p: base.token_ids[p] for p in highest}))]


def _matched(situation: Situation) -> Rule:
    rule = random_substitution(situation.rng())
    return at_most(rule, len(situation.decoded["oracle"].replaced))


def _random_position(situation: Situation) -> Rule:
    rng = situation.rng()
    positions = as_many_positions(situation, "base", "oracle", rng)
    return random_alternative(positions, situation.settings.alternatives, rng)


def _random_teacher(situation: Situation) -> Rule:
    return teacher_at(as_many_positions(situation, "base", "divergence_gated", situation.rng()))


def _backward_random(situation: Situation) -> Rule:
    rng = situation.rng()
    positions = as_many_positions(situation, "teacher", "backward", rng)
    return random_alternative(positions, situation.settings.alternatives, rng)


def as_many_positions(
    situation: Situation, plain: str, arm: str, rng: np.random.Generator
) -> frozenset[int]:
    """As many random positions as an arm replaces."""
    # The arm's chain, and so its count, may be longer than the plain chain.
    made = situation.decoded[arm]
    length = max(len(situation.decoded[plain].token_ids), len(made.token_ids))
    wanted = len(made.replaced)
    return frozenset(int(p) for p in rng.choice(length, wanted, replace=False))


def _by_divergence(situation: Situation) -> list[Plan]:
    rule = divergence_gated(situation.settings.divergence)
    return [Plan(row_of(situation), rule, sees_divergence=True)]


def _sweep(pick: Callable[[Sweep], tuple[Attempt, ...]]) -> Planner:
    def plan(situation: Situation) -> list[Plan]:
        if situation.base_correct:
            return []
        base, settings = situation.decoded["base"], situation.settings
        # Both arms plan the same sweep, so that the control tries as many tokens.
        rng = replace(situation, arm="base_only_control").rng()
        # At most half of the positions, so that the control has as many others to choose from.
        positions = min(settings.positions, len(base.token_ids) // 2)
        sweep = plan_sweep(base.token_ids, base.statistics, positions, rng, settings.alternatives)
        return [
            Plan(
                Row(
                    situation.prompt_ids,
                    base.token_ids[: each.position],
                    {each.position: each.token_id},
                ),
                attempt=each,
            )
            for each in pick(sweep)
        ]

    return plan


ARMS: dict[str, Arm] = {
    arm.key: arm
    for arm in (
        Arm(
            "base",
            "base",
            BASE_ALONE,
            where="nowhere",
            what="nothing is replaced",
            tells="How good the model is by itself.",
            needs_teacher=False,
            plan=own_chain,
        ),
        Arm(
            "no_op",
            "no-op",
            CONTROLS,
            where="at the k most uncertain positions",
            what="the same tokens again",
            tells="Nothing may change: every difference is numerical noise.",
            needs_teacher=False,
            plan=_no_op,
            after=("base",),
            is_control=True,
        ),
        Arm(
            "oracle",
            "oracle",
            BY_TEACHER,
            where="wherever the teacher prefers a different token",
            what="the teacher's token",
            tells="How many answers it fixes to follow the teacher wherever it disagrees.",
            needs_teacher=True,
            plan=guided(lambda situation: oracle),
            control="random_substitution",
        ),
        Arm(
            "entropy_gated",
            "forks only",
            BY_TEACHER,
            where="only where the base is uncertain (entropy above tau)",
            what="the teacher's token",
            tells="Whether the teacher's choices at forks are enough.",
            needs_teacher=True,
            plan=guided(lambda situation: entropy_gated(situation.settings.tau)),
        ),
        Arm(
            "complement",
            "everything but forks",
            BY_TEACHER,
            where="where the teacher disagrees and the base is sure (entropy up to tau)",
            what="the teacher's token",
            tells="How much the teacher matters where the base is sure.",
            needs_teacher=True,
            plan=guided(lambda situation: complement(situation.settings.tau)),
        ),
        Arm(
            "top5_oracle",
            "oracle within the top 5",
            BY_TEACHER,
            where="where the teacher disagrees and its token is among the base's top 5",
            what="the teacher's token",
            tells="Whether the base already has the better token among its candidates.",
            needs_teacher=True,
            plan=guided(lambda situation: top5_oracle),
        ),
        Arm(
            "first_k_oracle",
            "oracle: first k replacements",
            BY_TEACHER,
            where="at the first k positions where the teacher disagrees",
            what="the teacher's token",
            tells="Whether a few early replacements are enough.",
            needs_teacher=True,
            plan=guided(lambda situation: at_most(oracle, situation.settings.first_k)),
        ),
        Arm(
            "divergence_gated",
            "by divergence",
            BY_TEACHER,
            where="where the two models' distributions are far apart (divergence above its "
            "threshold)",
            what="the teacher's token",
            tells="Whether the teacher's choices at divergent tokens are enough, forks or not.",
            needs_teacher=True,
            plan=_by_divergence,
            control="random_teacher",
            by_default=False,
        ),
        Arm(
            "random_substitution",
            "random substitution",
            CONTROLS,
            where="wherever the teacher prefers a different token",
            what="a random one of the base's top 20 tokens",
            tells="Whether the teacher's choice matters, or any change at these positions helps.",
            needs_teacher=True,
            plan=guided(lambda situation: random_substitution(situation.rng())),
            is_control=True,
        ),
        Arm(
            "random_substitution_matched",
            "random substitution, matched",
            CONTROLS,
            where="wherever the teacher prefers a different token, limited to the oracle's number "
            "of replacements",
            what="a random one of the base's top 20 tokens",
            tells="The same question as random substitution, with as many replacements as the "
            "oracle makes.",
            needs_teacher=True,
            plan=guided(_matched),
            after=("oracle",),
            is_control=True,
        ),
        Arm(
            "random_position",
            "random position",
            CONTROLS,
            where="at random positions, as many as the oracle replaces",
            what="a random one of the base's other top tokens",
            tells="Whether replacing tokens anywhere works as well.",
            needs_teacher=True,
            plan=guided(_random_position),
            after=("base", "oracle"),
            is_control=True,
        ),
        Arm(
            "random_teacher",
            "teacher's token at random positions",
            CONTROLS,
            where="at random positions, as many as the arm by divergence replaces",
            what="the teacher's token",
            tells="Whether divergence finds the positions that matter, or any would do.",
            needs_teacher=True,
            plan=guided(_random_teacher),
            after=("base", "divergence_gated"),
            is_control=True,
            by_default=False,
        ),
        Arm(
            "base_only",
            "base-only",
            BASE_ALONE,
            where="at the k most uncertain positions of a wrong chain (at most half of its tokens)",
            what="each other top token, one at a time",
            tells="How often one replacement at a fork fixes a wrong answer; counts as solved if "
            "any replacement works.",
            needs_teacher=False,
            plan=_sweep(lambda sweep: sweep.attempts),
            after=("base",),
            sweeps=True,
            control="base_only_control",
        ),
        Arm(
            "base_only_control",
            "base-only control",
            CONTROLS,
            where="at as many other positions of a wrong chain, chosen at random",
            what="each other top token, one at a time",
            tells="How often one replacement works by chance; base-only must beat it.",
            needs_teacher=False,
            plan=_sweep(lambda sweep: sweep.control),
            after=("base",),
            sweeps=True,
            is_control=True,
        ),
        Arm(
            "teacher",
            "teacher",
            BY_TEACHER,
            where="everywhere",
            what="the teacher writes its own chain",
            tells="How good the teacher is by itself.",
            needs_teacher=True,
            plan=own_chain,
            by_teacher=True,
        ),
        Arm(
            "backward",
            "backward: first k replacements",
            BY_TEACHER,
            where="in the teacher's chain, at the first k positions where the base disagrees",
            what="the base's token",
            tells="Whether a few of the base's choices are enough to ruin the teacher's answers.",
            needs_teacher=True,
            plan=guided(lambda situation: at_most(oracle, situation.settings.first_k)),
            by_teacher=True,
            control="backward_random",
            reference="teacher",
            by_default=False,
        ),
        Arm(
            "backward_random",
            "backward control",
            CONTROLS,
            where="in the teacher's chain, at random positions, as many as backward replaces",
            what="a random one of the teacher's other top tokens",
            tells="Whether any replaced token would ruin the teacher's answers as often.",
            needs_teacher=True,
            plan=guided(_backward_random),
            after=("backward", "teacher"),
            by_teacher=True,
            reference="teacher",
            is_control=True,
            by_default=False,
        ),
    )
}
"""Every arm by its key, in the order in which they are shown."""
