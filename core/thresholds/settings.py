"""The settings of a measurement of entropies; importable without torch."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from core.chains.prompting import PromptSettings, RunPromptSettings
from core.decoding.settings import (
    DEFAULT_BATCH_SIZE,
    BatchSize,
    MinP,
    Seed,
    Temperature,
    TopK,
    TopP,
)
from core.errors import SamplerError
from core.records import Sampler
from core.runs.settings import checked_settings

SHARES = (0.02, 0.05, 0.10, 0.20)
"""Of a model's tokens, that are offered as thresholds."""


class ThresholdSettings(RunPromptSettings):
    """How the entropies of a model's tokens are measured: one chain a problem."""

    problems: int = Field(
        30,
        ge=1,
        title="Problems",
        description="Number of problems, drawn by the seed; all of a smaller set",
    )
    temperature: Temperature = Sampler.temperature
    top_p: TopP = Sampler.top_p
    top_k: TopK = Sampler.top_k
    min_p: MinP = Sampler.min_p
    seed: Seed = 0
    batch_size: BatchSize = DEFAULT_BATCH_SIZE

    @model_validator(mode="after")
    def _check_sampler(self) -> ThresholdSettings:
        try:
            self.sampler  # noqa: B018
        except SamplerError as error:
            raise ValueError(str(error)) from error
        return self

    @classmethod
    def asked_as(cls, settings: PromptSettings, **sampling: Any) -> Self:
        """Measured with the prompt, the length and the sampler that other settings have.

        Args:
            settings: of a task; it decodes greedily where it has no temperature.
            sampling: fields in place of the task's, such as the temperature of its rollouts.

        Raises:
            RunError: nothing can be drawn so (a temperature between 0 and 0.001).
        """
        if isinstance(settings, cls) and not sampling:
            return settings
        shared = set(cls.model_fields) - {"problems", "seed"}
        given = {name: getattr(settings, name) for name in shared if hasattr(settings, name)}
        return checked_settings(cls, given | sampling)

    @property
    def sampler(self) -> Sampler:
        """How tokens are drawn, without stop strings.

        Raises:
            SamplerError: a temperature between 0 and 0.001.
        """
        return Sampler(self.temperature, self.top_p, self.top_k, self.min_p, self.max_new_tokens)
