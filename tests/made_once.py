"""What takes seconds to make and what many tests only look at: made once a session of pytest.

The processes that pytest-xdist starts share one folder. Whoever needs a thing first
makes it, and marks it when it is complete, holding a lock of the kernel's: what a process that
dies halfway leaves behind is made again by the next one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock


class MadeOnce:
    """Folders by name, each made by the first process that asks for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, name: str, make: Callable[[Path], object]) -> Path:
        """The folder of this name; `make` fills it where it isn't there. It is for reading:
        a test that changes something works on a copy.

        Args:
            name: a name for one way to make it.
            make: called with the folder as it will be called, which doesn't exist yet.
        """
        made, folder = self.folder / f"{name}.made", self.folder / name
        with FileLock(self.folder / f"{name}.lock"):
            if not made.exists():
                shutil.rmtree(folder, ignore_errors=True)  # of a process that died halfway
                make(folder)
                made.touch()
        return folder


def shared_folder(base: Path) -> Path:
    """The folder that all processes of a session share, given the base folder of one of them."""
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "made once"
