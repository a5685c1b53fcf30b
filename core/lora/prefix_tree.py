"""Sequences that begin alike, read by a model in one row: what they share is computed once.

The rollouts of a problem repeat its prompt, and few-shot prompts repeat their examples. Written
one after the other, every token sees only the tokens before it in its own sequence (a block mask),
at the position that it has there. Hidden states and gradients are those of the separate rows, up
to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from core.models.architecture import can_share_prefixes, has_plain_attention


@dataclass(frozen=True)
class TokenRows:
    """B sequences as the rows of one forward pass, and where each of their tokens stands there.

    Places are indices into the flattened rows.
    """

    input_ids: torch.Tensor  # (R, C)
    attention_mask: torch.Tensor  # (R, C), 0 at padding; or (R, 1, C, C), True if seen
    position_ids: torch.Tensor | None  # (R, C); None: counted from the left
    places: torch.Tensor  # (B, L) of each sequence's tokens; 0 at padding
    before: torch.Tensor  # (R * C,) the place of the token before, in the same sequence

    def to(self, device: torch.device) -> TokenRows:
        """The same on another device."""
        moved: dict[str, Any] = {
            name: None if value is None else value.to(device) for name, value in vars(self).items()
        }
        return TokenRows(**moved)

    @property
    def arguments(self) -> dict[str, Any]:
        """What a forward pass takes."""
        found = {"input_ids": self.input_ids, "attention_mask": self.attention_mask}
        return found if self.position_ids is None else {**found, "position_ids": self.position_ids}


def can_share(model: Any) -> bool:
    """Whether a model reads a block mask and given positions as they are: plain attention in every
    layer, by the kernel that takes a mask of True and False."""
    return has_plain_attention(model) and can_share_prefixes(model)


def separate_rows(sequences: Sequence[Sequence[int]], pad_id: int) -> TokenRows:
    """A row a sequence, padded on the right."""
    length = max(map(len, sequences))
    ids = torch.full((len(sequences), length), pad_id)
    mask = torch.zeros(len(sequences), length, dtype=torch.long)
    for row, each in enumerate(sequences):
        ids[row, : len(each)] = torch.tensor(each)
        mask[row, : len(each)] = 1
    places = torch.arange(ids.numel()).reshape(ids.shape)
    before = (places - 1).flatten()
    return TokenRows(ids, mask, None, places * mask, before)


class PrefixTree:
    """Sequences as one row: prompts as far as they are alike, and a completion each.

    Completions are never shared, for each is pushed in its own way.
    """

    def __init__(self) -> None:
        self._ids: list[int] = []
        self._positions: list[int] = []
        self._before: list[int] = []
        self._known: dict[tuple[int, int], int] = {}  # of prompts: (place, next id) -> its place
        self._places: list[list[int]] = []

    def __len__(self) -> int:
        """Tokens of the row."""
        return len(self._ids)

    def added_by(self, prompt: Sequence[int], completion: Sequence[int]) -> int:
        """How many tokens longer the row would be with this sequence."""
        place, shared = -1, 0
        for token_id in prompt:
            found = self._known.get((place, token_id))
            if found is None:
                break
            place, shared = found, shared + 1
        return len(prompt) - shared + len(completion)

    def add(self, prompt: Sequence[int], completion: Sequence[int]) -> None:
        """Add a sequence."""
        path: list[int] = []
        for token_id in prompt:
            edge = (path[-1] if path else -1, token_id)
            if edge not in self._known:
                self._known[edge] = self._append(token_id, path)
            path.append(self._known[edge])
        for token_id in completion:
            path.append(self._append(token_id, path))
        self._places.append(path)

    def _append(self, token_id: int, path: Sequence[int]) -> int:
        self._ids.append(token_id)
        self._positions.append(len(path))
        self._before.append(path[-1] if path else -1)
        return len(self._ids) - 1

    def rows(self) -> TokenRows:
        """The row; of no use before a sequence is in it."""
        seen = np.zeros((len(self), len(self)), np.bool_)
        for place, last in enumerate(self._before):
            if last >= 0:
                seen[place] = seen[last]
            seen[place, place] = True
        places = torch.zeros(len(self._places), max(map(len, self._places)), dtype=torch.long)
        for row, path in enumerate(self._places):
            places[row, : len(path)] = torch.tensor(path)
        return TokenRows(
            torch.tensor([self._ids]),
            torch.from_numpy(seen)[None, None],
            torch.tensor([self._positions]),
            places,
            torch.tensor(self._before),
        )
