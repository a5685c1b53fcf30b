"""Rollouts to train on, as token ids, and how several of them become a micro-batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

import torch

from core.lora.prefix_tree import PrefixTree, TokenRows, separate_rows


class TokenExample(Protocol):
    """A rollout as token ids."""

    @property
    def prompt_ids(self) -> Sequence[int]: ...

    @property
    def token_ids(self) -> Sequence[int]:
        """Of the completion."""


E = TypeVar("E", bound=TokenExample)


def token_count(examples: Sequence[TokenExample]) -> int:
    """Tokens of all prompts and completions."""
    return sum(len(each.prompt_ids) + len(each.token_ids) for each in examples)


def token_rows(
    examples: Sequence[TokenExample], pad_id: int, *, share: bool = False
) -> tuple[TokenRows, torch.Tensor, torch.Tensor]:
    """Examples as the rows of a forward pass.

    Args:
        pad_id: the token id of padding.
        share: one row for all, in which equal beginnings of prompts stand once; else a row an
            example, padded on the right to the longest one.

    Returns:
        The rows; present (B, L), True at tokens; completion (B, L), True at those of completions.
    """
    sequences = [[*each.prompt_ids, *each.token_ids] for each in examples]
    if share:
        tree = PrefixTree()
        for each in examples:
            tree.add(each.prompt_ids, each.token_ids)
        rows = tree.rows()
    else:
        rows = separate_rows(sequences, pad_id)
    present = torch.zeros(rows.places.shape, dtype=torch.bool)
    completion = torch.zeros_like(present)
    for row, each in enumerate(examples):
        present[row, : len(sequences[row])] = True
        completion[row, len(each.prompt_ids) : len(sequences[row])] = True
    return rows, present, completion


def grouped(examples: Sequence[E], limit: int) -> list[list[E]]:
    """Examples in their order, as many together as have at most `limit` tokens in one row of shared
    beginnings; an example that is longer stands alone."""
    groups: list[list[E]] = []
    tree = PrefixTree()
    for each in examples:
        added = tree.added_by(each.prompt_ids, each.token_ids)
        if not groups or len(tree) + added > limit:
            groups.append([])
            tree = PrefixTree()
        tree.add(each.prompt_ids, each.token_ids)
        groups[-1].append(each)
    return groups
