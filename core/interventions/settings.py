"""The settings of an intervention study; importable without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator, Field, field_validator

from core.chains.prompting import RunPromptSettings
from core.decoding.settings import DEFAULT_BATCH_SIZE, TOP, BatchSize, Seed, Tau
from core.errors import ModelError
from core.records import DEFAULT_ALTERNATIVES
from core.system.setting import Words, by_comma

if TYPE_CHECKING:
    from core.interventions.arm import Arm


_Nats = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
_Tokens = Annotated[int, Field(ge=1, le=1_000_000)]
Numbers = Annotated[tuple[_Nats, ...], BeforeValidator(by_comma), Field(max_length=50)]
WholeNumbers = Annotated[tuple[_Tokens, ...], BeforeValidator(by_comma), Field(max_length=50)]


class InterventionSettings(RunPromptSettings):
    """What to run. Arms that others need, and the base, are added automatically."""

    arms: Words | None = Field(
        None,
        title="Arms",
        description="Such as base_only and oracle; by default the usual ones that the "
        "models allow. Arms that others need are added automatically",
    )
    positions: int = Field(
        5,
        ge=1,
        le=1000,
        title="Positions k",
        description="Most uncertain ones per chain, for base-only and no-op",
    )
    alternatives: int = Field(
        DEFAULT_ALTERNATIVES,
        ge=2,
        le=TOP,
        title="Alternatives",
        description="Most probable tokens that base-only and random position choose from",
    )
    tau: Tau = Field(1.2, description="For forks only and everything but forks")
    first_k: int = Field(
        2,
        ge=1,
        title="First k replacements",
        description="For the arms that stop after as many: oracle and backward",
    )
    divergence: float = Field(
        0.1,
        ge=0,
        le=0.69,
        allow_inf_nan=False,
        title="Divergence threshold",
        description="Of the two models' distributions, Jensen-Shannon in nats from 0 to ln 2; for "
        "the arm by divergence",
    )
    taus: Numbers = Field(
        (),
        title="Thresholds of the curve",
        description="In nats, such as 0.8,1.2,1.6: accuracy and replaced tokens of forks only at "
        "each of them, with a random control; needs a teacher",
    )
    budgets: WholeNumbers = Field(
        (),
        title="Budgets of the curve",
        description="Such as 1,2,4,8: accuracy with the first k of the teacher's tokens, with a "
        "random control; needs a teacher",
    )
    seed: Seed = 0
    batch_size: BatchSize = DEFAULT_BATCH_SIZE

    @field_validator("taus", "budgets")
    @classmethod
    def _given_once(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        if len(set(values)) < len(values):
            raise ValueError("a value is given twice")
        return values

    @field_validator("arms")
    @classmethod
    def _complete(cls, arms: tuple[str, ...] | None) -> tuple[str, ...] | None:
        from core.interventions.arms import ARMS

        if arms is None:
            return None
        if not arms:
            raise ValueError("choose at least one arm")
        unknown = [arm for arm in arms if arm not in ARMS]
        if unknown:
            raise ValueError(f"unknown arm {unknown[0]!r}; use {', '.join(ARMS)}")
        wanted = {"base", *arms}
        wanted |= {each for arm in arms for each in (*ARMS[arm].after, ARMS[arm].reference)}
        return tuple(arm for arm in ARMS if arm in wanted)

    @property
    def has_curves(self) -> bool:
        """Whether something is measured over thresholds or budgets."""
        return bool(self.taus or self.budgets)

    def arms_with(self, teacher: bool) -> tuple[Arm, ...]:
        """The arms to run, with or without a teacher.

        Raises:
            ModelError: arms or curves were asked for that need a teacher, and none is given.
        """
        from core.interventions.arms import ARMS

        if self.has_curves and not teacher:
            raise ModelError(
                "The curves over thresholds and budgets need a teacher.",
                "Choose a teacher, or leave them out.",
            )
        if self.arms is None:
            every = [arm for arm in ARMS.values() if arm.by_default]
            return tuple(arm for arm in every if teacher or not arm.needs_teacher)
        arms = tuple(ARMS[key] for key in self.arms)
        lacking = [arm.label for arm in arms if arm.needs_teacher and not teacher]
        if lacking:
            raise ModelError(
                f"These arms need a teacher: {', '.join(lacking)}.",
                "Choose a teacher, or leave them out.",
            )
        return arms
