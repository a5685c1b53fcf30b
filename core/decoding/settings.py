"""Settings that every kind of decoding shares, and their limits; importable without torch."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.decoding.top_share import METAVAR, typed_threshold
from core.records import ForkTemperature
from core.system.setting import Typed, Unit

DEFAULT_BATCH_SIZE = 64
"""Most chains that are decoded at once."""

TOP = 20
"""Of the base's most probable tokens that a rule sees (the paper's random substitution)."""

Temperature = Annotated[
    float,
    Field(ge=0, le=100, allow_inf_nan=False, title="Temperature", description="0 is greedy"),
]
TopP = Annotated[float, Field(gt=0, le=1, title="Top-p", description="Nucleus sampling; 1 is off")]
MaxNewTokens = Annotated[
    int, Field(ge=1, title="Max new tokens", description="Longest completion, in tokens")
]
Seed = Annotated[int, Field(ge=0, title="Seed", description="Of everything random")]
BatchSize = Annotated[
    int,
    Field(
        ge=1,
        le=4096,
        title="Decoding batch",
        description="Most chains at once; lower it where memory is short",
    ),
]
TopK = Annotated[
    int, Field(ge=0, title="Top-k", description="Most probable tokens to draw from; 0 is off")
]
MinP = Annotated[
    float,
    Field(
        ge=0,
        le=1,
        title="Min-p",
        description="Least probability, as a share of the highest; 0 is off",
    ),
]
Tau = Annotated[
    float,
    Unit("nats"),
    Typed(typed_threshold, METAVAR),
    Field(ge=0, le=100, allow_inf_nan=False, title="Threshold τ"),
]
"""Entropy above which a token is a decision point. On the command line also a share of the model's
tokens, such as top5%."""


class ForkSampling(BaseModel):
    """A temperature of its own at forks, and its control at random positions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fork_temperature: Temperature | None = Field(
        None,
        title="Temperature at forks",
        description="Where the raw entropy is above the threshold of forks; as everywhere when "
        "not set",
    )
    fork_tau: Annotated[float, Unit("nats")] = Field(
        ForkTemperature.tau,
        ge=0,
        le=100,
        allow_inf_nan=False,
        title="Threshold of forks",
        description="Of the temperature at forks",
    )
    fork_random_share: float | None = Field(
        None,
        ge=0,
        le=1,
        title="At random instead",
        description="Control: the temperature at forks at this share of all positions, drawn at "
        "random, instead of at the forks",
    )

    @model_validator(mode="after")
    def _check_forks(self) -> Self:
        if self.fork_random_share is not None and self.fork_temperature is None:
            raise ValueError("a random share needs a temperature at forks")
        return self

    @property
    def forks(self) -> ForkTemperature | None:
        """For a sampler."""
        if self.fork_temperature is None:
            return None
        return ForkTemperature(self.fork_temperature, self.fork_tau, self.fork_random_share)
