"""What a new session begins with; imported before torch is."""

from __future__ import annotations

from core.system.project_root import project_root

WELCOME = project_root() / "sample_data" / "sessions" / "welcome.json"
"""The session with the demo's first chain."""

DEFAULT_TAU = 1.4
"""Threshold in nats, the paper's for its smallest model."""

FIRST_CLICK = "clicked in the first view"
"""In this tab, until Explore is drawn: token ids of the chain and the position clicked."""
