"""Which tokens a tree forces next: at forks by probability, or at random positions as a control."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from core.chains.expansion.records import Path
from core.chains.forks import fork_positions
from core.chains.settings import ExpansionSettings
from core.decoding.sampling import keyed_generator
from core.records import Chain


@dataclass(frozen=True)
class Node:
    """A chain of the tree at which further tokens can be forced."""

    chain: Chain
    path: Path  # empty: the chain itself
    path_probability: float
    group: int | None  # of its answer
    order: tuple[Any, ...] = ()  # of the candidate that made it

    @property
    def begin(self) -> int:
        """The first position that is its own: after its last forced token."""
        return self.path[-1][0] + 1 if self.path else 0


@dataclass(frozen=True)
class Candidate:
    """A token to force, and its place in the order."""

    order: tuple[Any, ...]  # smaller ones come first; no two are equal
    node: Node
    position: int
    token_id: int
    column: int  # among the stored alternatives
    probability: float

    @property
    def path(self) -> Path:
        """With the path of its node, the forced tokens."""
        return (*self.node.path, (self.position, self.token_id))

    @property
    def path_probability(self) -> float:
        """P = product of p(forced token) over all forced tokens on the way, with p the raw
        probability at temperature 1, given everything before the token."""
        return self.node.path_probability * self.probability

    def __lt__(self, other: Candidate) -> bool:
        return self.order < other.order


class Order(Protocol):
    """Where tokens are forced, and which first. A chain comes before those that leave it."""

    def candidates(self, node: Node) -> tuple[list[Candidate], int]:
        """The tokens to try in a chain, and how many others are pruned."""

    def room(self, depth: int) -> int | None:
        """Most endings at a depth; None: no limit."""


class AtForks:
    """The most probable other tokens at every fork, most probable path first.

    A budget then goes to the endings that the model reaches most probably, whatever their depth:
    two likely turns come before one that is unlikely. Breadth first would spend it on improbable
    tokens of the first chain.
    """

    def __init__(self, settings: ExpansionSettings) -> None:
        self._settings = settings

    def candidates(self, node: Node) -> tuple[list[Candidate], int]:
        """Other tokens at the forks of a chain; those below the floor are pruned."""
        found: list[Candidate] = []
        pruned = 0
        positions = [p for p in forks_of(node, self._settings.tau) if p >= node.begin]
        for position in positions:
            for column, token_id, probability in _others(node.chain, position, self._settings):
                path = node.path_probability * probability
                if path < self._settings.floor:
                    pruned += 1
                    continue
                order = (-path, len(node.path), node.path, position, column)
                found.append(Candidate(order, node, position, token_id, column, probability))
        return found, pruned

    def room(self, depth: int) -> int | None:
        """No limit."""
        return None


class AtRandom:
    """The control: the most probable other tokens at random positions that are not forks.

    Improbable tokens are what there is at such positions, so nothing is pruned. Depth by depth,
    the first position drawn in every chain comes before the second in any.
    """

    def __init__(self, settings: ExpansionSettings, levels: Sequence[int] | None) -> None:
        """As many endings at each depth as `levels` says, from depth 1 on; None: as many positions
        in each chain as it has forks."""
        self._settings, self._levels = settings, levels

    def candidates(self, node: Node) -> tuple[list[Candidate], int]:
        """Other tokens at positions drawn by the chain's seed and the path to it."""
        chain = node.chain
        forks = forks_of(node, self._settings.tau)
        others = np.setdiff1d(np.arange(node.begin, chain.answer_length), forks)
        rng = keyed_generator(chain.seed, chain.problem.id, f"tree at random, {node.path}")
        drawn = rng.permutation(others).tolist()
        if self._levels is None:
            drawn = drawn[: sum(position >= node.begin for position in forks)]
        found: list[Candidate] = []
        for turn, position in enumerate(drawn):
            for column, token_id, probability in _others(chain, position, self._settings):
                order = (len(node.path), turn, node.order, column)
                found.append(Candidate(order, node, position, token_id, column, probability))
        return found, 0

    def room(self, depth: int) -> int | None:
        """As many as the tree at forks has."""
        if self._levels is None:
            return None
        return self._levels[depth - 1] if depth <= len(self._levels) else 0


def forks_of(node: Node, tau: float) -> list[int]:
    """The forks of a chain, in order."""
    return [int(position) for position in fork_positions(node.chain, tau)]


def _others(
    chain: Chain, position: int, settings: ExpansionSettings
) -> Iterator[tuple[int, int, float]]:
    """Column, id and probability of the most probable tokens other than the chain's own."""
    statistics = chain.statistics
    ids = statistics.top_ids[position].tolist()
    columns = [i for i, token_id in enumerate(ids) if token_id != chain.token_ids[position]]
    for column in columns[: settings.width]:
        yield column, ids[column], float(np.exp(statistics.top_logprobs[position, column]))
