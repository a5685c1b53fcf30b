"""Which tokens of a rollout are pushed: decision points, or as many others as a control."""

from __future__ import annotations

from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from core.decoding.sampling import keyed_generator
from core.entropy import (
    Gate,
    low_entropy_gate,
    random_gate,
    threshold_gate,
    top_fraction_gate,
)


class GateKind(StrEnum):
    """How decision points are chosen."""

    THRESHOLD = "threshold"  # H_t > tau
    TOP_FRACTION = "top-fraction"  # the share of highest entropy
    RANDOM = "random"  # control: as many as above tau in this rollout, drawn at random
    LOW_ENTROPY = "low-entropy"  # control: as many as above tau, those of lowest entropy
    ALL = "all"  # every token


class GateSettings(BaseModel):
    """The gate. Controls have the budget of the threshold gate, rollout by rollout."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: GateKind = GateKind.THRESHOLD
    tau: float = Field(1.4, ge=0, le=100, allow_inf_nan=False)  # nats
    fraction: float = Field(0.05, gt=0, le=1)  # of the top-fraction gate


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
