"""The rules by which arms replace tokens while a teacher reads along."""

from __future__ import annotations

import numpy as np

from core.decoding.guidance import Rule, StepContext
from core.decoding.settings import TOP
from core.records import DEFAULT_ALTERNATIVES


def oracle(moment: StepContext) -> int | None:
    """Wherever the teacher's argmax differs from the base's, the teacher's."""
    return moment.teacher_id if moment.teacher_id != moment.base_id else None


def entropy_gated(tau: float) -> Rule:
    """Wherever the base's entropy is above tau nats, the teacher's argmax."""
    return lambda moment: moment.teacher_id if moment.entropy > tau else None


def divergence_gated(least: float) -> Rule:
    """Wherever the two distributions are further apart than `least` nats (Jensen-Shannon), the
    teacher's argmax (arXiv:2603.22446)."""
    return lambda moment: moment.teacher_id if moment.divergence > least else None


def teacher_at(positions: frozenset[int]) -> Rule:
    """At the given positions, the teacher's argmax."""
    return lambda moment: moment.teacher_id if moment.position in positions else None


def complement(tau: float) -> Rule:
    """The oracle where the entropy is at most tau."""
    return lambda moment: oracle(moment) if moment.entropy <= tau else None


def top5_oracle(moment: StepContext) -> int | None:
    """The oracle where its token is in the base's top 5."""
    return oracle(moment) if moment.teacher_id in moment.top_ids[:DEFAULT_ALTERNATIVES] else None


def random_substitution(rng: np.random.Generator) -> Rule:
    """Where the oracle would put a token, a random one of the base's top 20, argmax included."""

    def rule(moment: StepContext) -> int | None:
        if oracle(moment) is None:
            return None
        return moment.top_ids[int(rng.integers(len(moment.top_ids[:TOP])))]

    return rule


def random_alternative(positions: frozenset[int], count: int, rng: np.random.Generator) -> Rule:
    """At the given positions, a random one of the base's top `count` tokens except its argmax."""

    def rule(moment: StepContext) -> int | None:
        if moment.position not in positions:
            return None
        others = [each for each in moment.top_ids[:count] if each != moment.base_id]
        return others[int(rng.integers(len(others)))] if others else None

    return rule


def at_most(rule: Rule, times: int) -> Rule:
    """The rule, until it has put that many tokens."""
    left = times

    def limited(moment: StepContext) -> int | None:
        nonlocal left
        token_id = rule(moment) if left > 0 else None
        left -= token_id is not None
        return token_id

    return limited
