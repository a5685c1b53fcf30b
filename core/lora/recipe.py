"""What the recipes of all trainings say: prompts, seed, how chains are drawn, the adapter."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.chains.prompting import RunPromptSettings
from core.decoding.settings import DEFAULT_BATCH_SIZE, BatchSize, Seed, Temperature, TopP
from core.evaluation.settings import (
    DEFAULT_TEMPERATURE,
    DEFAULT_TOP_P,
    EvaluationSettings,
    Samples,
    check_draws,
)
from core.runs.settings import checked_settings
from core.system.setting import Words


class Sampling(BaseModel):
    """How many chains of a problem are drawn, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    samples: Samples
    temperature: Temperature = DEFAULT_TEMPERATURE
    top_p: TopP = DEFAULT_TOP_P

    @model_validator(mode="after")
    def _check_draws(self) -> Sampling:
        check_draws(greedy=self.temperature == 0, samples=self.samples)
        return self


ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
"""The layers that the paper adapts."""

ALL_LAYERS = (*ATTENTION, "gate_proj", "up_proj", "down_proj")
"""All layers of a transformer block that can get an adapter."""

TargetModules = Annotated[
    Words,
    Field(
        min_length=1,
        title="Target modules",
        description="Layers that get an adapter, such as o_proj: the fewer, the smaller",
    ),
]
Epochs = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False, title="Epochs")]
TrainingBatch = Annotated[
    int, Field(ge=1, title="Batch size", description="Rollouts in memory at once")
]

ReportTo = Literal["none", "trackio", "wandb", "tensorboard"]
"""Where a training logs beside its run."""


class LoraTraining(BaseModel):
    """The adapter and its training, as far as all trainings have it. The defaults are the paper's.

    A training adds its own defaults for `epochs` and `batch_size`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    lora_rank: int = Field(
        32, ge=1, le=4096, title="LoRA rank", description="Rank of the adapter's matrices"
    )
    target_modules: TargetModules = ATTENTION
    learning_rate: float = Field(1e-4, gt=0, allow_inf_nan=False, title="Learning rate")
    epochs: Epochs
    batch_size: TrainingBatch
    accumulation: int = Field(8, ge=1, title="Accumulation", description="Batches per step")
    max_grad_norm: float = Field(
        1.0,
        gt=0,
        allow_inf_nan=False,
        title="Gradient clip",
        description="Largest norm of a gradient",
    )
    report_to: ReportTo = Field(
        "none",
        title="Log to",
        description="Beside the run's own charts; the package of that name has to be installed",
    )

    def arguments(self, output_dir: Path, seed: int) -> dict[str, Any]:
        """These settings as transformers' TrainingArguments and our trainers name them.

        Args:
            output_dir: where checkpoints go.
            seed: of the training.
        """
        return {
            "output_dir": str(output_dir),
            "seed": seed,
            "lora_rank": self.lora_rank,
            "target_modules": self.target_modules,
            "learning_rate": self.learning_rate,
            "num_train_epochs": self.epochs,
            "per_device_train_batch_size": self.batch_size,
            "gradient_accumulation_steps": self.accumulation,
            "max_grad_norm": self.max_grad_norm,
        }


class LoraRecipe(RunPromptSettings):
    """The base of a training's recipe."""

    preset: str = "paper"  # where it started from
    seed: Seed = Field(0, lt=2**32)
    batch_size: BatchSize = DEFAULT_BATCH_SIZE
    usd_per_hour: float = Field(
        1.89,
        ge=0,
        le=1e6,
        allow_inf_nan=False,
        title="Machine cost (US$/h)",
        description="Price of the machine, for the cost in dollars",
    )

    def sampling_settings(self, sampling: Sampling) -> EvaluationSettings:
        """How chains are drawn for one of the recipe's purposes.

        Raises:
            RunError: a temperature and a top-p that nothing can be drawn with.
        """
        asked = {name: getattr(self, name) for name in RunPromptSettings.model_fields}
        return checked_settings(
            EvaluationSettings,
            asked
            | sampling.model_dump()
            | {
                "seed": self.seed,
                "batch_size": self.batch_size,
                "max_new_tokens": self.max_new_tokens,
            },
        )
