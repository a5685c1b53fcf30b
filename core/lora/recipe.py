"""What the recipes of all trainings say: prompts, seed, how chains are drawn, the adapter."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from core.chains.prompting import PromptSettings
from core.decoding.loop import DEFAULT_BATCH_SIZE
from core.evaluation.sampling import EvaluationSettings


class Sampling(BaseModel):
    """How many chains of a problem are drawn, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    samples: int = Field(ge=1, le=1024)
    temperature: float = Field(0.6, ge=0, le=100, allow_inf_nan=False)
    top_p: float = Field(0.95, gt=0, le=1)

    @model_validator(mode="after")
    def _check_draws(self) -> Sampling:
        if self.temperature == 0 and self.samples > 1:
            raise ValueError(
                "greedy samples of a problem are all alike: draw 1 of each, or set the "
                "temperature above 0"
            )
        return self


def _by_comma(modules: Any) -> Any:
    if isinstance(modules, str):
        return tuple(name.strip() for name in modules.split(",") if name.strip())
    return modules


TargetModules = Annotated[tuple[str, ...], BeforeValidator(_by_comma), Field(min_length=1)]
"""Names of the layers that get an adapter; also as one text with commas."""

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
"""The layers that the paper adapts."""


class LoraRecipe(PromptSettings):
    """The base of a training's recipe."""

    preset: str = "paper"  # where it started from
    seed: int = Field(0, ge=0, lt=2**32)
    batch_size: int = Field(DEFAULT_BATCH_SIZE, ge=1, le=4096)  # chains decoded at once
    usd_per_hour: float = Field(1.89, ge=0, le=1e6, allow_inf_nan=False)

    def sampling_settings(self, sampling: Sampling) -> EvaluationSettings:
        """How chains are drawn for one of the recipe's purposes."""
        return EvaluationSettings(
            samples=sampling.samples,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            seed=self.seed,
            batch_size=self.batch_size,
            max_new_tokens=self.max_new_tokens,
            prompt_style=self.prompt_style,
            template=self.template,
            prompt_date=self.prompt_date,
        )
