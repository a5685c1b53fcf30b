"""Paths given by the user: on the command line, in a form field, in a setting."""

from __future__ import annotations

import os
from pathlib import Path


def person_path(text: str | os.PathLike[str]) -> Path:
    """A path with `~` and `~name` expanded to home folders.

    A shell expands only an unquoted `~` at the start of a word, so not in `--out=~/x`, and form
    fields never pass through a shell. An unknown `~name` is left as typed.
    """
    return Path(os.path.expanduser(text))
