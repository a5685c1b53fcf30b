"""The folder of a run: the names of its files, and how it is made, or taken from a person."""

from __future__ import annotations

import os
import re
import secrets
from datetime import datetime
from pathlib import Path

from core.errors import RunError

CONFIG, PROBLEMS, PROGRESS, UNITS = (
    "config.json", "problems.jsonl", "progress.jsonl", "units.jsonl",
)  # fmt: skip
RESERVE = ".reserve"
MADE_BY_WORK = (UNITS, "results.json")
"""Files that show that work has begun."""
_OWN_FILES = {CONFIG, PROBLEMS, PROGRESS, UNITS, "log.txt", "run.lock"}

PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,119}", flags=re.ASCII)
"""Ids of runs and names of result files; none of them leads out of a folder."""

PLAIN_NAME_RULE = (
    "a letter or digit, then at most 119 more of letters, digits, points, dashes and underscores"
)


def problems_file(purpose: str) -> str:
    """The name of the file of a problem set; purpose "": of the run's own."""
    return f"problems_{purpose}.jsonl" if purpose else PROBLEMS


def check_file_name(name: str, *, own: bool = False) -> str:
    """Check the name of a file in a run's folder; the run's own files only pass with `own`.

    Raises:
        RunError: it isn't a plain file name.
    """
    if not PLAIN_NAME.fullmatch(name) or (name in _OWN_FILES and not own):
        raise RunError(f"{name!r} can't be a result file.", "Use letters, digits and points.")
    return name


def make_folder(runs_dir: Path, task: str) -> Path:
    """Make a new folder for a run, named by task and day.

    Raises:
        RunError: it can't be made.
    """
    alphabet = "abcdefghijkmnpqrstuvwxyz23456789"  # without look-alikes
    while True:
        sign = "".join(secrets.choice(alphabet) for _ in range(6))
        folder = runs_dir / f"{task}-{datetime.now():%Y-%m-%d}-{sign}"
        try:
            runs_dir.mkdir(parents=True, exist_ok=True)
            folder.mkdir()
        except FileExistsError as error:
            if not runs_dir.is_dir():
                raise folder_error(runs_dir, error) from error
        except OSError as error:
            raise folder_error(runs_dir, error) from error
        else:
            return folder


def take_folder(folder: Path) -> Path:
    """Take the folder that a person chose for a run; makes it if it doesn't exist.

    Raises:
        RunError: it can't be made, holds something already, or the list of runs would not show it:
            its name isn't a valid id, or it is a link.
    """
    if not folder.name or ".." in folder.parts:  # mkdir would create the folders before ..
        folder = Path(os.path.realpath(folder))
    if not PLAIN_NAME.fullmatch(folder.name):
        raise RunError(
            f"A run's folder can't be called {folder.name!r}: the list of runs would not find it.",
            f"Choose another name: {PLAIN_NAME_RULE}.",
        )
    if folder.is_symlink():
        raise RunError(
            f"{folder} is a link, and the list of runs doesn't follow links.",
            "Give the folder itself, or another one.",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise RunError(f"{folder} holds other files already.", "Give a new or an empty folder.")
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise folder_error(folder, error) from error
    return folder


def folder_error(folder: Path, error: OSError | ValueError) -> RunError:
    """The error for a folder that can't hold runs."""
    reason = getattr(error, "strerror", None) or error
    return RunError(
        f"Runs can't be stored in {folder} ({reason}).",
        "Choose another folder, make room there, or set FORK_EXPLORER_HOME.",
    )
