"""What a training has logged, step by step, and what in it should worry a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

History = Sequence[Mapping[str, Any]]
"""One entry a logged step, as the trainer's: "step" with "loss", or with "eval_accuracy"."""

_BOXED_FALL = 0.05  # of the share at the start
_KL_HIGH = 0.2  # nats a token
_PRESSURE_HIGH = 0.8  # share of the push that is downwards
_RECENT = 10  # entries that a mean is taken over


def training_warnings(history: History) -> list[str]:
    """Known ways for a fine-tune to go wrong that this one shows (replications of the paper's
    code met them), each in a sentence with what to do."""
    warnings = []
    boxed = [entry["eval_boxed"] for entry in history if "eval_boxed" in entry]
    if len(boxed) > 1 and boxed[-1] < boxed[0] - _BOXED_FALL:
        warnings.append(
            f"Fewer answers end in a box: {boxed[0]:.0%} at the start, {boxed[-1]:.0%} now. That "
            "falls first when a model breaks. Lower the learning rate or raise the KL weight."
        )
    kl = _recent(history, "kl")
    if kl is not None and kl > _KL_HIGH:
        warnings.append(
            f"The model moves away from its base where it should not: KL {kl:.2f} nats a token. "
            "Raise the KL weight or lower the learning rate."
        )
    pressure = _recent(history, "negative_pressure")
    if pressure is not None and pressure > _PRESSURE_HIGH:
        warnings.append(
            f"{pressure:.0%} of the push is downwards, and pushing tokens down has no end. Set a "
            "probability floor, or choose problems with a higher pass rate."
        )
    return warnings


def _recent(history: History, key: str) -> float | None:
    values = [entry[key] for entry in history if key in entry][-_RECENT:]
    return sum(values) / len(values) if values else None
