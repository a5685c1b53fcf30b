"""The phases of a fine-tune, as its progress names them."""

from __future__ import annotations

SAMPLING = "sampling rollouts"
"""The only phase of a run of rollouts."""

ROLLING_OUT = "1 of 4: rollouts"
WEIGHING = "1 of 4: the teacher reads the rollouts"
BEFORE = "2 of 4: accuracy before"
TRAINING = "3 of 4: training"
AFTER = "4 of 4: accuracy after"
SHOWING = "4 of 4: the same problems before and after"

SHOWN_PAIRS = 24
"""Problems that are decoded greedily before and after."""
