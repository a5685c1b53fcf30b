"""Plan single forced tokens: at a chain's forks, and at random positions as a control."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from core.entropy import highest_entropy_positions
from core.records import DEFAULT_ALTERNATIVES, TokenStatistics


@dataclass(frozen=True)
class Attempt:
    """A token to force at a position of a chain."""

    position: int
    token_id: int
    rank: int  # in the model's own order there, 1 = most probable


@dataclass(frozen=True)
class Sweep:
    """The attempts of the base-only intervention on one chain, and those of its control."""

    attempts: tuple[Attempt, ...]
    control: tuple[Attempt, ...]


def plan_sweep(
    token_ids: tuple[int, ...],
    statistics: TokenStatistics,
    positions: int,
    rng: np.random.Generator,
    alternatives: int = DEFAULT_ALTERNATIVES,
) -> Sweep:
    """Plan every other top token at the positions of highest entropy, highest first.

    The control tries as many tokens at random positions other than these. A chain with too few
    other positions gets fewer control attempts.

    Args:
        token_ids: (T,) the chain.
        statistics: (T,) of the chain, with at least `alternatives` top tokens.
        positions: number of positions to try.
        rng: draws the control's positions.
        alternatives: number of most probable tokens to try, except the chain's own.
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
