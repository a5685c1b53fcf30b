"""Rollouts to train on, as token ids, and how several of them become a padded micro-batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch


class TokenExample(Protocol):
    """A rollout as token ids."""

    @property
    def prompt_ids(self) -> Sequence[int]: ...

    @property
    def token_ids(self) -> Sequence[int]:
        """Of the completion."""


def token_count(examples: Sequence[TokenExample]) -> int:
    """Tokens of all prompts and completions."""
    return sum(len(each.prompt_ids) + len(each.token_ids) for each in examples)


def padded(
    examples: Sequence[TokenExample], pad_id: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Examples, padded on the right to the longest one.

    Returns:
        input_ids (B, L), attention_mask (B, L) of 0 and 1, and completion (B, L), True at the
        tokens of the completions.
    """
    length = max(len(each.prompt_ids) + len(each.token_ids) for each in examples)
    input_ids = torch.full((len(examples), length), pad_id)
    mask = torch.zeros(len(examples), length, dtype=torch.long)
    completion = torch.zeros(len(examples), length, dtype=torch.bool)
    for row, each in enumerate(examples):
        ids = torch.tensor([*each.prompt_ids, *each.token_ids])
        input_ids[row, : len(ids)] = ids
        mask[row, : len(ids)] = 1
        completion[row, len(each.prompt_ids) : len(ids)] = True
    return input_ids, mask, completion
