"""Folders for the user's data, outside the repository, and package versions."""

from __future__ import annotations

import os
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from platformdirs import user_cache_path, user_data_path

from core.system.person_path import person_path


def user_folder() -> Path:
    """The folder for sessions and runs: $FORK_EXPLORER_HOME, else the platform's data folder."""
    chosen = os.environ.get("FORK_EXPLORER_HOME")
    return (
        person_path(chosen) if chosen else user_data_path("decision-fork-explorer", appauthor=False)
    )


def cache_folder() -> Path:
    """The folder for what can be made or fetched again: $FORK_EXPLORER_CACHE, else `cache` in
    $FORK_EXPLORER_HOME, else the platform's own place."""
    chosen = os.environ.get("FORK_EXPLORER_CACHE")
    if chosen:
        return person_path(chosen)
    if os.environ.get("FORK_EXPLORER_HOME"):
        return user_folder() / "cache"
    return user_cache_path("decision-fork-explorer", appauthor=False)


def sessions_folder() -> Path:
    """The folder where the app stores sessions."""
    return user_folder() / "sessions"


def runs_folder() -> Path:
    """The default folder for runs."""
    return user_folder() / "runs"


def rollouts_folder() -> Path:
    """The folder for files of rollouts that were opened on a screen."""
    return user_folder() / "rollouts"


_PACKAGES = ("decision-fork-explorer", "torch", "transformers", "peft")


@cache
def _versions() -> tuple[tuple[str, str], ...]:
    found = [("python", platform.python_version())]
    for package in _PACKAGES:
        try:
            found.append((package, version(package)))
        except PackageNotFoundError:
            found.append((package, "not installed"))
    return tuple(found)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that affect results."""
    return dict(_versions())
