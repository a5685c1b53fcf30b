"""The recipe: every setting of a fine-tune, from the rollouts to the last evaluation."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from core.errors import RunError
from core.lora.recipe import ATTENTION, LoraRecipe, Sampling, TargetModules
from core.reasonmaxxer.gates import GateSettings
from core.reasonmaxxer.loss import Averaging
from core.reasonmaxxer.selection import SelectionSettings

if TYPE_CHECKING:
    from core.reasonmaxxer.trainer import ReasonMaxxerConfig


class Order(StrEnum):
    """In which order the rollouts are seen."""

    SIGNAL_CLARITY = "signal-clarity"  # |advantage| x share of decisions, highest first
    RANDOM = "random"


class TrainingSettings(BaseModel):
    """The adapter and its training. The defaults are the paper's (appendix B)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lora_rank: int = Field(32, ge=1, le=4096)
    lora_alpha: int = Field(64, ge=1)
    target_modules: TargetModules = ATTENTION
    learning_rate: float = Field(1e-4, gt=0, allow_inf_nan=False)
    epochs: float = Field(1, gt=0, le=1000, allow_inf_nan=False)
    batch_size: int = Field(1, ge=1)  # rollouts in memory at once
    accumulation: int = Field(8, ge=1)  # of these, a step
    warmup_steps: int = Field(50, ge=0)
    max_grad_norm: float = Field(1.0, gt=0, allow_inf_nan=False)
    order: Order = Order.SIGNAL_CLARITY
    kl_weight: float = Field(0.2, ge=0, allow_inf_nan=False)
    averaging: Averaging = "sequence"  # the paper's batch is one rollout, accumulated
    probability_floor: float = Field(0.0, ge=0, lt=1)
    relative_probability_floor: float = Field(0.0, ge=0, le=1)


class HeldOut(BaseModel):
    """Training problems that are kept aside to choose the best checkpoint."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    problems: int = Field(50, ge=0)  # drawn by the seed; 0: the last checkpoint is taken
    every: int = Field(25, ge=1)  # steps between two measurements
    sampling: Sampling = Sampling(samples=1)


class Recipe(LoraRecipe):
    """Everything that a fine-tune is told."""

    problems: int | None = Field(200, ge=1)  # training problems rolled out; None: all of them
    rollouts: Sampling = Sampling(samples=20)  # K
    selection: SelectionSettings = SelectionSettings()
    gate: GateSettings = GateSettings()
    training: TrainingSettings = TrainingSettings()
    held_out: HeldOut = HeldOut()
    evaluation: Sampling = Sampling(samples=1)  # before and after

    def trainer_config(self, output_dir: Path, **others: Any) -> ReasonMaxxerConfig:
        """The trainer's share.

        Args:
            output_dir: where checkpoints go.
            others: further TrainingArguments.
        """
        from core.reasonmaxxer.trainer import ReasonMaxxerConfig  # slow; settings need it not

        own = self.training
        return ReasonMaxxerConfig(
            output_dir=str(output_dir),
            seed=self.seed,
            lora_rank=own.lora_rank,
            lora_alpha=own.lora_alpha,
            target_modules=own.target_modules,
            learning_rate=own.learning_rate,
            num_train_epochs=own.epochs,
            per_device_train_batch_size=own.batch_size,
            gradient_accumulation_steps=own.accumulation,
            warmup_steps=own.warmup_steps,
            max_grad_norm=own.max_grad_norm,
            train_sampling_strategy="random" if own.order is Order.RANDOM else "sequential",
            kl_weight=own.kl_weight,
            averaging=own.averaging,
            probability_floor=own.probability_floor,
            relative_probability_floor=own.relative_probability_floor,
            **others,
        )


_ALL_LAYERS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


PRESETS: dict[str, Recipe] = {
    # Chosen on problems held out of the demo's training set; its small model takes large steps.
    "demo": Recipe(
        preset="demo",
        problems=168,
        rollouts=Sampling(samples=8, temperature=1.0, top_p=1.0),
        selection=SelectionSettings(max_problems=None, drop_longest=0.0),
        gate=GateSettings(tau=1.0),
        training=TrainingSettings(
            lora_rank=16,
            lora_alpha=32,
            target_modules=_ALL_LAYERS,
            learning_rate=4e-3,
            batch_size=16,
            accumulation=1,
            warmup_steps=10,
            order=Order.RANDOM,
            kl_weight=1.0,
            averaging="token",
            relative_probability_floor=0.2,
        ),
        held_out=HeldOut(
            problems=56, every=20, sampling=Sampling(samples=4, temperature=0.8, top_p=0.95)
        ),
        evaluation=Sampling(samples=4, temperature=0.8, top_p=0.95),
    ),
    "paper": Recipe(preset="paper", max_new_tokens=2048),
    # What independent replications of the paper's code needed.
    "careful": Recipe(
        preset="careful",
        max_new_tokens=2048,
        selection=SelectionSettings(drop_truncated=True, drop_longest=0.0),
        training=TrainingSettings(
            learning_rate=2e-5,
            max_grad_norm=0.1,
            probability_floor=1e-4,
        ),
    ),
}


ABOUT = {
    "demo": "Tuned for the teaching model on two CPU cores: minutes, not hours.",
    "paper": "The recipe of arXiv:2605.06241, section 5 and appendix B, as it stands.",
    "careful": "The paper's, with the guards that replications needed: a floor under suppressed "
    "tokens, no truncated rollouts, smaller steps.",
}
"""What a preset is for, in a sentence."""


def recipe_of(preset: str) -> Recipe:
    """A recipe by its name.

    Raises:
        RunError: there is no such preset.
    """
    if preset not in PRESETS:
        raise RunError(f"There is no preset {preset!r}.", f"Use {', '.join(PRESETS)}.")
    return PRESETS[preset]
