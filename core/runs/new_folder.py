"""Makes the folder that a new run gets, under a name by which it is found again."""

from __future__ import annotations

import os
import re
import secrets
from datetime import datetime
from pathlib import Path

from core.errors import RunError

PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,119}", flags=re.ASCII)
"""What the id of a run and its result files are called: never a way out of a folder."""
PLAIN_NAME_RULE = (
    "a letter or digit, then at most 119 more of letters, digits, points, dashes and underscores"
)


def make_folder(runs_dir: Path, task: str) -> Path:
    """A folder of the run's own among the others, named by task and day.

    Raises:
        RunError: it can't be made.
    """
    alphabet = "abcdefghijkmnpqrstuvwxyz23456789"  # none that look alike
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
    """The folder that a person chose for the run, made where it is not there yet.

    Raises:
        RunError: it can't be made, holds something already, or the list of runs could not read it:
            its name is no id of a run, or it is a link.
    """
    if not folder.name or ".." in folder.parts:  # mkdir would make the folders that .. leaves
        folder = Path(os.path.realpath(folder))
    if not PLAIN_NAME.fullmatch(folder.name):
        raise RunError(
            f"A run's folder can't be called {folder.name!r}: the list of runs would not find it.",
            f"Choose another name: {PLAIN_NAME_RULE}.",
        )
    if folder.is_symlink():
        raise RunError(
            f"{folder} is a link, and the list of runs follows none.",
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
    """Why no run can be kept in a folder, and what to do."""
    reason = getattr(error, "strerror", None) or error
    return RunError(
        f"Runs can't be kept in {folder} ({reason}).",
        "Choose another folder, make room there, or set FORK_EXPLORER_HOME.",
    )
