"""Which tokens of a rollout are pushed: decision points, or as many others as a control.

A gate is one function here, and its entry in `core.reasonmaxxer.settings.GATES`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.decoding.sampling import keyed_generator
from core.entropy import (
    Gate,
    first_gate,
    last_gate,
    low_entropy_gate,
    random_gate,
    stride_gate,
    threshold_gate,
    top_fraction_gate,
    top_fraction_threshold,
)
from core.evaluation.records import ProblemSamples
from core.reasonmaxxer.settings import GATES, GateSettings


@dataclass(frozen=True, eq=False)
class Rollout:
    """What a gate can use to choose the decision points of one rollout."""

    entropy_nats: NDArray[np.float32]  # (T,) of the base
    settings: GateSettings
    seed: int
    problem_id: str
    number: int  # among the rollouts of its problem
    all_nats: NDArray[np.float32]  # (N,) of all rollouts of the run, ascending, if the gate sees it

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
    all_nats: NDArray[np.float32] | None = None,
) -> Gate:
    """The decision points of one rollout, (T,).

    Args:
        entropy_nats: (T,) of the base.
        settings: which gate.
        seed, problem_id, rollout: of the gate's random draws, which depend on nothing else.
        all_nats: as `entropies_seen` gives them.

    Raises:
        ValueError: the gate looks at all rollouts together, and `all_nats` is None.
    """
    entry = GATES[settings.kind]
    if all_nats is None:
        if entry.sees_all:
            raise ValueError(f"the gate {settings.kind} needs the entropies of all rollouts")
        all_nats = np.zeros(0, np.float32)
    return entry.load()(Rollout(entropy_nats, settings, seed, problem_id, rollout, all_nats))


def entropies_seen(
    settings: GateSettings, records: Sequence[ProblemSamples]
) -> NDArray[np.float32] | None:
    """The entropy of every token of every rollout, (N,) nats, ascending, for a gate that looks at
    all rollouts together; None for the others.

    Args:
        settings: which gate.
        records: rollouts with their entropies.
    """
    if not GATES[settings.kind].sees_all:
        return None
    found = [np.asarray(each.entropy or (), np.float32) for one in records for each in one.samples]
    return np.sort(np.concatenate(found)) if found else np.zeros(0, np.float32)


def threshold(rollout: Rollout) -> Gate:
    """Positions with H_t > tau."""
    return threshold_gate(rollout.entropy_nats, rollout.settings.tau)


def top_fraction(rollout: Rollout) -> Gate:
    """The share of highest entropy in this rollout."""
    return top_fraction_gate(rollout.entropy_nats, rollout.settings.fraction)


def top_fraction_of_all(rollout: Rollout) -> Gate:
    """The share of highest entropy among the tokens of all rollouts (arXiv:2506.01939, where it is
    .2 of each batch)."""
    tau = top_fraction_threshold(rollout.all_nats, rollout.settings.fraction)
    return threshold_gate(rollout.entropy_nats, tau)


def rest_of_all(rollout: Rollout) -> Gate:
    """Control: every token but those of `top_fraction_of_all`."""
    return ~top_fraction_of_all(rollout)


def random(rollout: Rollout) -> Gate:
    """Control: as many as above tau in this rollout, drawn at random."""
    return random_gate(len(rollout.entropy_nats), rollout.budget, rollout.rng())


def low_entropy(rollout: Rollout) -> Gate:
    """Control: as many as above tau in this rollout, those of lowest entropy."""
    return low_entropy_gate(rollout.entropy_nats, rollout.budget)


def first(rollout: Rollout) -> Gate:
    """Control: as many as above tau in this rollout, its first ones."""
    return first_gate(len(rollout.entropy_nats), rollout.budget)


def last(rollout: Rollout) -> Gate:
    """Control: as many as above tau in this rollout, its last ones."""
    return last_gate(len(rollout.entropy_nats), rollout.budget)


def stride(rollout: Rollout) -> Gate:
    """Control: as many as above tau in this rollout, at equal distances."""
    return stride_gate(len(rollout.entropy_nats), rollout.budget)


def every_token(rollout: Rollout) -> Gate:
    """All positions."""
    return np.ones(len(rollout.entropy_nats), dtype=np.bool_)
