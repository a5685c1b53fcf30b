"""The phases of a study before its cells, as its progress names them."""

from __future__ import annotations

ROLLING_OUT = "rollouts"
BEFORE = "accuracy of the base"
