"""The recipe: every setting of a fine-tune, from the rollouts to the last evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from core.errors import RunError
from core.lora.recipe import ALL_LAYERS, LoraRecipe, Sampling
from core.reasonmaxxer.settings import (
    GateSettings,
    HeldOut,
    Order,
    RolloutSampling,
    SelectionSettings,
    TrainingSettings,
)

if TYPE_CHECKING:
    from core.reasonmaxxer.trainer import ReasonMaxxerConfig


class Recipe(LoraRecipe):
    """All settings of a fine-tune."""

    problems: int | None = Field(
        200,
        ge=1,
        title="Problems",
        description="Number of problems to learn from, drawn by the seed; all when not set",
    )
    rollouts: RolloutSampling = RolloutSampling()
    selection: SelectionSettings = SelectionSettings()
    gate: GateSettings = GateSettings()
    training: TrainingSettings = TrainingSettings()
    held_out: HeldOut = HeldOut()
    evaluation: Sampling = Field(Sampling(samples=1), title="Evaluation")  # before and after
    measured: int | None = Field(
        None,
        ge=1,
        title="Measured problems",
        description="Number of problems to measure on before and after, drawn by the seed; all "
        "when not set",
    )

    def trainer_config(self, output_dir: Path, **others: Any) -> ReasonMaxxerConfig:
        """The trainer's share.

        Args:
            output_dir: where checkpoints go.
            others: further TrainingArguments.
        """
        from core.reasonmaxxer.trainer import ReasonMaxxerConfig  # slow, and settings don't need it

        own = self.training
        return ReasonMaxxerConfig(
            **own.arguments(output_dir, self.seed),
            lora_alpha=own.lora_alpha,
            warmup_steps=own.warmup_steps,
            train_sampling_strategy="random" if own.order is Order.RANDOM else "sequential",
            kl_weight=own.kl_weight,
            averaging=own.averaging,
            probability_floor=own.probability_floor,
            relative_probability_floor=own.relative_probability_floor,
            **others,
        )


PRESETS: dict[str, Recipe] = {
    # Chosen on problems held out of the demo's training set; its small model takes large steps.
    "demo": Recipe(
        preset="demo",
        problems=168,
        rollouts=RolloutSampling(samples=8, temperature=1.0, top_p=1.0),
        selection=SelectionSettings(max_problems=None, drop_longest=0.0),
        gate=GateSettings(tau=1.0),
        training=TrainingSettings(
            lora_rank=16,
            lora_alpha=32,
            target_modules=ALL_LAYERS,
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
    # Small steps of whole rollouts that end by themselves, few enough for two slow cores.
    "quick": Recipe(
        preset="quick",
        problems=64,
        max_new_tokens=64,
        prompt_style="few_shot",
        rollouts=RolloutSampling(samples=8, temperature=0.7, top_p=0.95),
        selection=SelectionSettings(max_problems=12, drop_truncated=True),
        training=TrainingSettings(
            lora_rank=16,
            lora_alpha=32,
            learning_rate=2e-4,
            warmup_steps=2,
            kl_weight=1.0,
            probability_floor=1e-3,
        ),
        held_out=HeldOut(problems=0),
        evaluation=Sampling(samples=2, temperature=0.7, top_p=0.95),
        measured=32,
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
    "quick": "For real models of up to 500 million parameters on a processor: minutes, with worked "
    "examples in the prompt, on short problems.",
    "paper": "The recipe of arXiv:2605.06241, section 5 and appendix B, unchanged.",
    "careful": "The paper's, with the guards that replications needed: a floor under suppressed "
    "tokens, no truncated rollouts, smaller steps.",
}
"""What a preset is for, in a sentence."""


PROBLEM_SETS = {"quick": ("word-problems-train", "word-problems")}
"""Of a preset: the sets to learn from and to measure on where none are named, instead of the
demo's."""

SMALL = 500_000_000
"""Parameters up to which "quick" suits a real model on a processor."""


def suited_preset(*, is_demo: bool, parameters: int | None, on_cpu: bool, other: str) -> str:
    """The preset to begin with for a model.

    Args:
        is_demo: whether it is the demo.
        parameters: of the model; None while unknown.
        on_cpu: whether it runs on the processor.
        other: the preset of models that neither "demo" nor "quick" suits.
    """
    if is_demo:
        return "demo"
    return "quick" if on_cpu and parameters is not None and parameters <= SMALL else other


def recipe_of(preset: str) -> Recipe:
    """A recipe by its name.

    Raises:
        RunError: the preset is unknown.
    """
    if preset not in PRESETS:
        raise RunError(f"The preset {preset!r} is unknown.", f"Use {', '.join(PRESETS)}.")
    return PRESETS[preset]
