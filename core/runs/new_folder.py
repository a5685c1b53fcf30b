"""Makes the folder that a new run gets."""

from __future__ import annotations

import secrets
from datetime import datetime
from pathlib import Path

from core.errors import RunError


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
        RunError: it can't be made, or holds something already.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise RunError(f"{folder} holds other files already.", "Give a new or an empty folder.")
    except OSError as error:
        raise folder_error(folder, error) from error
    return folder


def folder_error(folder: Path, error: OSError) -> RunError:
    """Why no run can be kept in a folder, and what to do."""
    return RunError(
        f"Runs can't be kept in {folder} ({error.strerror or error}).",
        "Choose another folder, make room there, or set FORK_EXPLORER_HOME.",
    )
