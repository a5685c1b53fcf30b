"""The paper's main table: figures of large models, for comparison with what a run here costs."""

from __future__ import annotations

from typing import NamedTuple


class PaperRow(NamedTuple):
    """A method on a base, as arXiv:2605.06241 reports it."""

    base: str
    method: str
    math_500: float  # pass@1
    gsm8k: float  # pass@1
    usd: float | None  # of the training; None: nothing was trained


PAPER_ROWS = (
    PaperRow("Qwen2.5-1.5B", "base", 0.298, 0.561, None),
    PaperRow("Qwen2.5-1.5B", "SimpleRL-Zoo (RL)", 0.496, 0.733, 200),
    PaperRow("Qwen2.5-1.5B", "ReasonMaxxer", 0.502, 0.710, 4),
    PaperRow("Qwen2.5-7B", "base", 0.586, 0.751, None),
    PaperRow("Qwen2.5-7B", "Open-Reasoner-Zero (RL)", 0.732, 0.924, 6300),
    PaperRow("Qwen2.5-7B", "ReasonMaxxer", 0.706, 0.918, 5),
)

PAPER_RATES = "$1.89 an hour of an RTX Pro 6000, $2.49 of an H100"
