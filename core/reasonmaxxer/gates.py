"""Which tokens of a rollout are pushed: decision points, or as many others as a control."""

from __future__ import annotations

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
from core.reasonmaxxer.settings import GateKind, GateSettings


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
        seed, problem_id, rollout: of the random gate's draw, which depends on nothing else.
    """
    above = threshold_gate(entropy_nats, settings.tau)
    budget = int(above.sum())
    match settings.kind:
        case GateKind.THRESHOLD:
            return above
        case GateKind.TOP_FRACTION:
            return top_fraction_gate(entropy_nats, settings.fraction)
        case GateKind.RANDOM:
            rng = keyed_generator(seed, problem_id, f"gate {rollout}")
            return random_gate(len(above), budget, rng)
        case GateKind.LOW_ENTROPY:
            return low_entropy_gate(entropy_nats, budget)
        case GateKind.ALL:
            return np.ones(len(above), dtype=np.bool_)
