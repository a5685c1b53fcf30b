"""The paths that people give: on the command line, in a field of the app, in a setting."""

from __future__ import annotations

import os
from pathlib import Path


def person_path(text: str | os.PathLike[str]) -> Path:
    """A path as a person wrote it, `~` and `~name` being home folders.

    A shell expands only an unquoted `~` at the start of a word, so not that of `--out=~/x`, and a
    field of the app is seen by no shell. A `~name` that is not a user of this machine stays.
    """
    return Path(os.path.expanduser(text))
