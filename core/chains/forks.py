"""A chain's forks: the tokens at which the model was undecided."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.entropy import threshold_gate
from core.records import Chain


def fork_positions(chain: Chain, tau: float) -> NDArray[np.intp]:
    """Positions whose entropy is above the threshold, in order; those after the answer, where the
    chain runs on, are left out.

    Args:
        tau: nats.
    """
    return np.flatnonzero(threshold_gate(chain.entropy[: chain.answer_length], tau))
