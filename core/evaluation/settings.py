"""The settings of an evaluation; importable without torch."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from core.chains.prompting import RunPromptSettings
from core.decoding.settings import (
    DEFAULT_BATCH_SIZE,
    BatchSize,
    ForkSampling,
    Seed,
    Temperature,
    TopP,
)
from core.errors import SamplerError
from core.evaluation.protocols import ProtocolName, departures
from core.records import Sampler

Samples = Annotated[
    int,
    Field(
        ge=1,
        le=1024,
        title="Samples",
        description="Chains drawn from each problem; 1 when greedy",
    ),
]

DEFAULT_TEMPERATURE, DEFAULT_TOP_P = 0.6, 0.95
"""The paper's."""


def check_draws(*, greedy: bool, samples: int) -> None:
    """Several greedy samples of a problem say no more than one.

    Raises:
        ValueError: greedy, and more than one sample.
    """
    if greedy and samples > 1:
        raise ValueError(
            "greedy samples of a problem are all alike: draw 1 of each, or set the "
            "temperature above 0"
        )


class EvaluationSettings(ForkSampling, RunPromptSettings):
    """How a problem set is sampled. The defaults are the paper's, with four samples."""

    samples: Samples = Field(4, title="Samples per problem")
    temperature: Temperature = DEFAULT_TEMPERATURE
    top_p: TopP = DEFAULT_TOP_P
    seed: Seed = 0
    batch_size: BatchSize = DEFAULT_BATCH_SIZE
    protocol: ProtocolName = Field(
        ProtocolName.NONE,
        title="Protocol",
        description="reasonmaxxer: samples, sampler and length as in arXiv:2605.06241",
    )
    keep_entropy: bool = Field(
        False,
        title="Keep entropies",
        description="Of every token, for the table of words; the run's folder doubles in size",
    )

    @model_validator(mode="before")
    @classmethod
    def _draw_once_when_greedy(cls, values: Any) -> Any:
        if not isinstance(values, dict) or "samples" in values:
            return values
        greedy = values.get("temperature") == 0 and not values.get("fork_temperature")
        return {**values, "samples": 1} if greedy else values

    @model_validator(mode="after")
    def _check_sampler(self) -> EvaluationSettings:
        try:
            sampler = self.sampler
        except SamplerError as error:
            raise ValueError(str(error)) from error
        check_draws(greedy=sampler.greedy, samples=self.samples)
        if others := departures(self.protocol, self):
            raise ValueError(
                f"the protocol {self.protocol} has its own {', '.join(others)}; leave them out, or "
                "the protocol"
            )
        return self

    @property
    def sampler(self) -> Sampler:
        """How tokens are drawn."""
        return Sampler(
            self.temperature, self.top_p, max_new_tokens=self.max_new_tokens, forks=self.forks
        )
