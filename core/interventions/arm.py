"""What an arm of the intervention study is, and what it plans its rows from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.chains.sweep import Attempt
from core.decoding.guidance import Rule
from core.decoding.loop import Decoded, Row
from core.decoding.sampling import keyed_generator
from core.records import Problem

if TYPE_CHECKING:
    from core.interventions.settings import InterventionSettings


@dataclass(frozen=True)
class Situation:
    """What an arm can use to plan its rows for one problem."""

    arm: str
    problem: Problem
    prompt_ids: tuple[int, ...]
    settings: InterventionSettings
    decoded: Mapping[str, Decoded]  # chains of the arms in `after`
    base_correct: bool = False  # whether the base's chain is right, once judged

    def rng(self) -> np.random.Generator:
        """A generator of the arm's own, a pure function of seed, problem and arm."""
        return keyed_generator(self.settings.seed, self.problem.id, self.arm)


@dataclass(frozen=True)
class Plan:
    """One row to decode, with forced tokens, or with a rule that needs a teacher."""

    row: Row
    rule: Rule | None = None
    attempt: Attempt | None = None  # in a sweep: the single token it forces
    sees_divergence: bool = False  # the rule needs the divergence of the two models


Planner = Callable[[Situation], list[Plan]]

BY_TEACHER, BASE_ALONE, CONTROLS = "teacher", "base alone", "controls"
GROUPS = (BASE_ALONE, BY_TEACHER, CONTROLS)
"""The groups of arms, in the order in which they are shown."""


@dataclass(frozen=True)
class Arm:
    """One way to intervene, or none."""

    key: str
    label: str  # short
    group: str  # one of GROUPS
    where: str  # positions at which it replaces a token, in plain words
    what: str  # the token it puts there
    tells: str  # what its result says
    needs_teacher: bool
    plan: Planner
    after: tuple[str, ...] = ()  # arms whose chains it needs; these need none
    by_teacher: bool = False  # decoded by the teacher instead of the base
    sweeps: bool = False  # forces many tokens, each in its own chain
    control: str | None = None  # the arm that does the same at random
    reference: str = "base"  # the arm whose accuracy it is compared with
    by_default: bool = True  # False: runs only where it is asked for
    is_control: bool = False  # expected to have no effect
    shares_rows: bool = False  # decoded with its like as long as they put the same tokens

    @property
    def sentence(self) -> str:
        """Where it replaces tokens and with what, in one sentence."""
        return f"{self.where[0].upper()}{self.where[1:]}: {self.what}."

    @property
    def puts_tokens(self) -> bool:
        """Whether it puts any tokens."""
        return self.plan is not own_chain


def row_of(situation: Situation, forced: Mapping[int, int] | None = None) -> Row:
    """A row from the prompt on, with forced tokens."""
    return Row(situation.prompt_ids, forced=forced or {})


def own_chain(situation: Situation) -> list[Plan]:
    """Plans the chain that the model makes by itself."""
    return [Plan(row_of(situation))]


def guided(rule: Callable[[Situation], Rule]) -> Planner:
    """Plans one row, decoded under a rule of its own."""
    return lambda situation: [Plan(row_of(situation), rule(situation))]
