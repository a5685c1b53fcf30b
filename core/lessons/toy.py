"""A toy distribution over five tokens: its entropy, and the check that asks for one bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from core.entropy import NATS_PER_BIT, entropy
from core.lessons.amounts import Unit, amount
from core.lessons.checks import Feedback

TOKENS = ("eight", "nine", "ten", "seven", "no")
"""What the sliders weigh."""

BEFORE = "To saw a log into 9 pieces you need"
"""The text before the token."""

MOST = 100
"""The highest weight."""

PRESETS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("Nearly sure", (94, 4, 1, 1, 0)),
    ("Undecided", (28, 27, 25, 15, 5)),
)
"""Names and weights in percent; the entropies 0.40 and 2.15 bits are check values of the method."""

_TOLERANCE = 0.05 * NATS_PER_BIT  # nats


def shares(weights: Sequence[float]) -> list[float]:
    """The weights as probabilities that add up to 1; all 0 if the weights are."""
    total = sum(weights)
    return [each / total if total else 0.0 for each in weights]


def toy_entropy(weights: Sequence[float]) -> float | None:
    """The entropy of a distribution in nats, by the function that scores a model's tokens; None if
    all weights are 0."""
    if not any(weights):
        return None
    return float(entropy(torch.tensor(shares(weights), dtype=torch.float64).log()))


@dataclass(frozen=True)
class ToyCheck:
    """Set the weights so that the entropy is one bit, give or take a twentieth."""

    unit: Unit

    @property
    def question(self) -> str:
        """What to do."""
        return f"Make the entropy {amount(NATS_PER_BIT, self.unit)}, to within 5 %."

    @property
    def answer(self) -> str:
        """One way to do it, for the teacher."""
        return "Two tokens with one half each, and nothing for the others; there are other ways."

    def feedback(self, weights: Sequence[float]) -> Feedback | None:
        """The verdict; None for weights that the sliders don't have."""
        if len(weights) != len(TOKENS) or not all(0 <= each <= MOST for each in weights):
            return None
        nats = toy_entropy(weights)
        if nats is None:
            return Feedback(False, "All weights are 0, which gives no distribution. Move a slider.")
        is_now = f"The entropy is {amount(nats, self.unit)}"
        if abs(nats - NATS_PER_BIT) <= _TOLERANCE:
            return Feedback(True, f"{is_now}, as much as an even choice between two tokens.")
        if nats > NATS_PER_BIT:
            return Feedback(False, f"{is_now}: too high. Give more of the weight to fewer tokens.")
        return Feedback(False, f"{is_now}: too low. Spread the weight over more tokens.")
