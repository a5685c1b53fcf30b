"""Training examples, and how several of them become a micro-batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from core.lora.examples import token_rows


@dataclass(frozen=True)
class Example:
    """One rollout to learn from: the token ids that were sampled, and its decision points."""

    problem_id: str
    prompt_ids: tuple[int, ...]
    token_ids: tuple[int, ...]  # (T,) the end-of-sequence token included, where it was sampled
    gate: tuple[bool, ...]  # (T,) True at decision points
    advantage: float  # A_i, of the whole rollout
    weights: tuple[float, ...] | None = None  # (T,) of the advantage at decisions; None: all 1

    @property
    def signal_clarity(self) -> float:
        """|A| times the share of its tokens that are decisions (paper appendix B)."""
        return abs(self.advantage) * sum(self.gate) / max(len(self.gate), 1)


@dataclass(frozen=True)
class Collator:
    """Makes a micro-batch.

    It holds the token rows, input_ids as in these, decision (B, L - 1), predicted (B, L - 1) and
    weight (B, L - 1), which belong to the token one position later, and advantage (B,).
    """

    pad_id: int
    share: bool = False  # equal beginnings of prompts stand once

    def __call__(self, examples: Sequence[Example]) -> dict[str, Any]:
        """One micro-batch."""
        rows, present, completion = token_rows(examples, self.pad_id, share=self.share)
        decision = torch.zeros_like(completion)
        decision[completion] = torch.tensor([gated for each in examples for gated in each.gate])
        weight = torch.ones(completion.shape)
        weight[completion] = torch.tensor(
            [w for each in examples for w in each.weights or (1.0,) * len(each.token_ids)]
        )
        return {
            "rows": rows,
            "input_ids": rows.input_ids,
            "decision": decision[:, 1:],
            "predicted": present[:, 1:],
            "weight": weight[:, 1:],
            "advantage": torch.tensor([each.advantage for each in examples]),
        }
