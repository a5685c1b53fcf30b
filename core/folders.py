"""Where this project keeps what a person makes: never inside the repository."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_data_path

from core.person_path import person_path


def user_folder() -> Path:
    """The folder for sessions and runs: $FORK_EXPLORER_HOME, else the platform's own place."""
    chosen = os.environ.get("FORK_EXPLORER_HOME")
    return (
        person_path(chosen) if chosen else user_data_path("decision-fork-explorer", appauthor=False)
    )


def sessions_folder() -> Path:
    """Where the app keeps sessions between visits."""
    return user_folder() / "sessions"


def runs_folder() -> Path:
    """Where runs go unless told otherwise."""
    return user_folder() / "runs"
