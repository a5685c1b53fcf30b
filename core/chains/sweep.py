"""Single forced tokens: what to try at a chain's forks, and at random positions as a control."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from core.entropy import highest_entropy_positions
from core.records import DEFAULT_ALTERNATIVES, TokenStatistics


@dataclass(frozen=True)
class Attempt:
    """One token to force at one position of a chain."""

    position: int
    token_id: int
    rank: int  # in the model's own order there, 1 = most probable


@dataclass(frozen=True)
class Sweep:
    """What the base-only intervention tries on one chain, and what its control tries."""

    attempts: tuple[Attempt, ...]
    control: tuple[Attempt, ...]


def plan_sweep(
    token_ids: tuple[int, ...],
    statistics: TokenStatistics,
    positions: int,
    rng: np.random.Generator,
    alternatives: int = DEFAULT_ALTERNATIVES,
) -> Sweep:
    """Every other top token at the positions of highest entropy, highest first.

    The control tries as many tokens at random other positions, in the same way: a random position
    would sometimes be one of the forks, so those are left out of the draw. A chain that is too
    short to have as many other positions gets fewer control attempts, never more.

    Args:
        token_ids: (T,) the chain.
        statistics: (T,) of the chain, with at least `alternatives` top tokens.
        positions: how many positions to try.
        rng: draws the control.
        alternatives: how many of the most probable tokens are tried, the chain's own left out.
    """
    highest = highest_entropy_positions(statistics.entropy, positions)
    others = np.setdiff1d(np.arange(len(token_ids)), highest)
    attempts = _attempts(token_ids, statistics, highest, alternatives)
    drawn = (int(position) for position in rng.permutation(others))
    control = _attempts(token_ids, statistics, drawn, alternatives)
    return Sweep(attempts, control[: len(attempts)])


def _attempts(
    token_ids: tuple[int, ...],
    statistics: TokenStatistics,
    positions: Iterable[int],
    alternatives: int,
) -> tuple[Attempt, ...]:
    return tuple(
        Attempt(position, int(token_id), rank)
        for position in positions
        for rank, token_id in enumerate(statistics.top_ids[position, :alternatives], 1)
        if token_id != token_ids[position]
    )
