"""The settings of chains, of the search for a fix and of pivotality; importable without torch."""

from __future__ import annotations

from typing import Annotated

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
from core.records import DEFAULT_ALTERNATIVES, Sampler

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
