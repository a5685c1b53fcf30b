"""Examples for the student: the teacher's rollouts, and its distributions along them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from core.lora.examples import token_rows


@dataclass(frozen=True)
class TopK:
    """The teacher's most probable tokens at the T positions of a completion."""

    ids: NDArray[np.int32]  # (T, k) most probable first
    logprobs: NDArray[np.float32]  # (T, k) nats, of its full softmax; -inf: the student lacks it

    @property
    def mass(self) -> NDArray[np.float64]:
        """(T,) The share of the teacher's probability that is kept."""
        mass: NDArray[np.float64] = np.exp(self.logprobs.astype(np.float64)).sum(axis=-1)
        return mass


@dataclass(frozen=True)
class DistillationExample:
    """One rollout of the teacher: the token ids that were sampled, and the teacher's top tokens."""

    problem_id: str
    prompt_ids: tuple[int, ...]
    token_ids: tuple[int, ...]  # (T,) the end-of-sequence token included, where it was sampled
    teacher: TopK  # (T, k)


@dataclass(frozen=True)
class DistillationCollator:
    """Makes a micro-batch.

    Of B examples with N completion tokens in all it holds the token rows, input_ids as in these,
    completion (B, L - 1), which belongs to the token one position later, and the teacher's top_ids
    (N, k) and top_logprobs (N, k), example by example.
    """

    pad_id: int
    share: bool = False  # equal beginnings of prompts stand once

    def __call__(self, examples: Sequence[DistillationExample]) -> dict[str, Any]:
        """One micro-batch."""
        rows, _, completion = token_rows(examples, self.pad_id, share=self.share)
        top_ids = np.concatenate([each.teacher.ids for each in examples])
        top_logprobs = np.concatenate([each.teacher.logprobs for each in examples])
        return {
            "rows": rows,
            "input_ids": rows.input_ids,
            "completion": completion[:, 1:],
            "top_ids": torch.from_numpy(top_ids).long(),
            "top_logprobs": torch.from_numpy(top_logprobs),
        }
