"""Which tokens of a rollout are pushed: decision points, or as many others as a control.

A gate is one function here, and its entry in `core.reasonmaxxer.settings.GATES`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.decoding.sampling import keyed_generator
from core.entropy import (
    Gate,
    low_entropy_gate,
    random_gate,
    threshold_gate,
    top_fraction_gate,
)
from core.reasonmaxxer.settings import GATES, GateSettings


@dataclass(frozen=True, eq=False)
class Rollout:
    """What a gate can use to choose the decision points of one rollout."""

    entropy_nats: NDArray[np.float32]  # (T,) of the base
    settings: GateSettings
    seed: int
    problem_id: str
    number: int  # among the rollouts of its problem

    @property
    def budget(self) -> int:
        """Tokens above tau in this rollout: as many as a control takes."""
        return int(threshold(self).sum())

    def rng(self) -> np.random.Generator:
        """A generator of the gate's own, a pure function of seed, problem and rollout."""
        return keyed_generator(self.seed, self.problem_id, f"gate {self.number}")


def gate_rollout(
    entropy_nats: NDArray[np.float32],
    settings: GateSettings,
    seed: int,
    problem_id: str,
    rollout: int,
) -> Gate:
    """The decision points of one rollout, (T,).

    Args:
        entropy_nats: (T,) of the base.
        settings: which gate.
        seed, problem_id, rollout: of the gate's random draws, which depend on nothing else.
    """
    gate = GATES[settings.kind].load()
    return gate(Rollout(entropy_nats, settings, seed, problem_id, rollout))


def threshold(rollout: Rollout) -> Gate:
    """Positions with H_t > tau."""
    return threshold_gate(rollout.entropy_nats, rollout.settings.tau)


def top_fraction(rollout: Rollout) -> Gate:
    """The share of highest entropy."""
    return top_fraction_gate(rollout.entropy_nats, rollout.settings.fraction)


def random(rollout: Rollout) -> Gate:
    """Control: as many as above tau in this rollout, drawn at random."""
    return random_gate(len(rollout.entropy_nats), rollout.budget, rollout.rng())


def low_entropy(rollout: Rollout) -> Gate:
    """Control: as many as above tau in this rollout, those of lowest entropy."""
    return low_entropy_gate(rollout.entropy_nats, rollout.budget)


def every_token(rollout: Rollout) -> Gate:
    """All positions."""
    return np.ones(len(rollout.entropy_nats), dtype=np.bool_)
