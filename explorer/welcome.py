"""The session that a new person finds on screen."""

from __future__ import annotations

from pathlib import Path

from core.session import Session

WELCOME = Path(__file__).parent.parent / "sample_data" / "sessions" / "welcome.json"


def welcome_session() -> Session | None:
    """The demo's first chain; None where sample_data is not installed."""
    return Session.loads(WELCOME.read_bytes()) if WELCOME.is_file() else None
