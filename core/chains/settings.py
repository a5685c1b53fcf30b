"""The settings of chains and of what is measured on one; importable without torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from core.chains.prompting import PromptSettings
from core.decoding.settings import (
    DEFAULT_BATCH_SIZE,
    BatchSize,
    ForkSampling,
    MaxNewTokens,
    MinP,
    Seed,
    Temperature,
    TopK,
    TopP,
)
from core.records import DEFAULT_ALTERNATIVES, ForkTemperature, Sampler
from core.system.setting import Unit

Alternatives = Annotated[
    int,
    Field(
        ge=1,
        le=1000,
        title="Alternatives stored per token",
        description="Most probable tokens kept at each position",
    ),
]


class GenerationSettings(ForkSampling, PromptSettings):
    """How chains are generated. The defaults are greedy: one chain a problem."""

    samples: int = Field(1, ge=1, title="Samples", description="Chains per problem")
    temperature: Temperature = Sampler.temperature
    top_p: TopP = Sampler.top_p
    top_k: TopK = Sampler.top_k
    min_p: MinP = Sampler.min_p
    max_new_tokens: MaxNewTokens = Sampler.max_new_tokens
    seed: Seed = Field(0, description="The same seed gives the same chain")
    top_k_alternatives: Alternatives = DEFAULT_ALTERNATIVES
    batch_size: BatchSize = DEFAULT_BATCH_SIZE

    @property
    def sampler(self) -> Sampler:
        """How tokens are drawn.

        Raises:
            SamplerError: a temperature between 0 and 0.001.
        """
        return Sampler(
            self.temperature,
            self.top_p,
            self.top_k,
            self.min_p,
            self.max_new_tokens,
            forks=self.forks,
        )


class FixSettings(BaseModel):
    """How a fix is searched: single tokens at forks, and at random positions beside them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    positions: int = Field(
        5, ge=1, title="Positions", description="Highest-entropy ones that are tried"
    )
    temperature: Temperature = Field(
        0.0,
        description="Of the continuations; 0 is greedy. They are drawn with the chain's own seed",
    )


class PivotalitySettings(BaseModel):
    """How continuations are sampled after each alternative of a position."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    samples: int = Field(
        16, ge=2, title="Samples per alternative", description="Continuations an alternative"
    )
    temperature: Temperature = Field(1.0, gt=0, description="Of the continuations, above 0")


class ExpansionSettings(BaseModel):
    """How a tree grows from a chain: other tokens at its forks, and at those of the new chains."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    depth: int = Field(
        2, ge=1, le=20, title="Depth", description="Forced tokens on the way to an ending, at most"
    )
    width: int = Field(
        4,
        ge=1,
        le=1000,
        title="Width",
        description="Other tokens at each fork, the most probable ones; at most those stored with "
        "the chain",
    )
    tau: Annotated[float, Unit("nats")] = Field(
        ForkTemperature.tau,
        ge=0,
        le=100,
        allow_inf_nan=False,
        title="Threshold τ",
        description="Tokens with a higher entropy are forks",
    )
    budget: Annotated[int, Unit("tokens")] = Field(
        20_000,
        ge=1,
        le=1_000_000,
        title="Budget",
        description="Of new tokens; the ending that reaches it is the last. The control has as "
        "many again",
    )
    floor: float = Field(
        0.01,
        ge=0,
        le=1,
        title="Least probability",
        description="A branch is left out where the product of its forced tokens' probabilities is "
        "below this; 0 leaves none out",
    )
    temperature: Temperature = Field(
        0.0, description="Of the continuations; 0 is greedy. Each has a seed of its own"
    )
    at: Literal["both", "forks", "random"] = Field(
        "both",
        title="Where",
        description="At forks, at as many random positions that are not forks (the control), or "
        "both",
    )
