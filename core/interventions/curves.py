"""Curves of an intervention study: accuracy over tau and over the budget of the teacher's tokens.

Every point of a curve is an arm with a random control that puts as many tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.decoding.guidance import Rule
from core.interventions.arm import BY_TEACHER, CONTROLS, Arm, Situation, guided
from core.interventions.arms import as_many_positions
from core.interventions.rules import (
    at_most,
    entropy_gated,
    oracle,
    random_alternative,
    teacher_at,
)

if TYPE_CHECKING:
    from core.interventions.settings import InterventionSettings


@dataclass(frozen=True)
class CurveEntry:
    """What varies along a curve, and what a point and its control do."""

    title: str
    axis: str  # what varies, with its unit
    label: str  # of a point; {value} is its value
    where: str
    rule: Callable[[float], Rule]
    control_label: str
    control_where: str
    control_what: str
    control: Callable[[Situation, frozenset[int], np.random.Generator], Rule]  # at positions


CURVES: dict[str, CurveEntry] = {
    "taus": CurveEntry(
        title="Forks only, over τ",
        axis="τ (nats)",
        label="forks only, τ {value}",
        where="only where the base's entropy is above {value} nats",
        rule=entropy_gated,
        control_label="teacher's token at random, as at τ {value}",
        control_where="at random positions, as many as forks only replaces at {value} nats",
        control_what="the teacher's token",
        control=lambda situation, positions, rng: teacher_at(positions),
    ),
    "budgets": CurveEntry(
        title="The first k of the teacher's tokens",
        axis="k, tokens of the teacher",
        label="first {value} of the teacher's tokens",
        where="at the first {value} positions where the teacher disagrees",
        rule=lambda value: at_most(oracle, int(value)),
        control_label="random tokens, as many as the first {value}",
        control_where="at random positions, as many as the teacher's first {value} tokens",
        control_what="a random one of the base's other top tokens",
        control=lambda situation, positions, rng: random_alternative(
            positions, situation.settings.alternatives, rng
        ),
    ),
}
"""By the setting that has the values."""


@dataclass(frozen=True)
class PointArms:
    """A point of a curve: the arm that is measured, and its control."""

    curve: str  # key of `CURVES`
    value: float
    arm: Arm
    control: Arm


def point_arms(settings: InterventionSettings) -> list[PointArms]:
    """All points of all curves that the settings ask for, by curve and then by value."""
    return [
        _point(name, value) for name in CURVES for value in sorted(set(getattr(settings, name)))
    ]


def curve_arms(settings: InterventionSettings) -> Iterator[Arm]:
    """The arms of all points, each before its control."""
    for point in point_arms(settings):
        yield from (point.arm, point.control)


def _point(name: str, value: float) -> PointArms:
    entry, key = CURVES[name], f"{name} {value:g}"
    said = f"{value:g}"
    control = f"{key} control"

    def random(situation: Situation) -> Rule:
        rng = situation.rng()
        return entry.control(situation, as_many_positions(situation, "base", key, rng), rng)

    return PointArms(
        name,
        value,
        Arm(
            key,
            entry.label.format(value=said),
            BY_TEACHER,
            where=entry.where.format(value=said),
            what="the teacher's token",
            tells="",
            needs_teacher=True,
            plan=guided(lambda situation: entry.rule(value)),
            control=control,
            shares_rows=True,
        ),
        Arm(
            control,
            entry.control_label.format(value=said),
            CONTROLS,
            where=entry.control_where.format(value=said),
            what=entry.control_what,
            tells="",
            needs_teacher=True,
            plan=guided(random),
            after=("base", key),
            is_control=True,
        ),
    )
