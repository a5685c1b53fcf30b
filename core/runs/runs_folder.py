"""The folder of all runs: the list, the broken ones, and one by its id."""

from __future__ import annotations

import tempfile
from pathlib import Path

from core.errors import ExplorerError, RunError
from core.runs.run import Run
from core.runs.run_folder import PLAIN_NAME, PLAIN_NAME_RULE, folder_error
from core.system.environment import runs_folder
from core.system.person_path import person_path

_Runs = list[Run]  # inside RunsFolder, `list` is its method
_Broken = list[tuple[Path, ExplorerError]]


class RunsFolder:
    """The folder that holds the runs, each under an id that fits into a URL."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder` is `runs_folder()` of the environment when not given; it need not exist yet."""
        self.folder = runs_folder() if folder is None else folder

    def list(self) -> list[Run]:
        """The runs that can be opened, newest first.

        Raises:
            RunError: the folder is there and can't be read.
        """
        return self.look()[0]

    def broken(self) -> _Broken:
        """The folders that can't be opened as runs, and why.

        Raises:
            RunError: the folder is there and can't be read.
        """
        return self.look()[1]

    def get(self, run_id: str) -> Run:
        """The run with an id.

        Raises:
            RunError: there is none, or it can't be opened.
        """
        return Run.open(self._path(run_id))

    def check_writable(self) -> None:
        """Check before any work that runs can be kept here.

        Raises:
            RunError: the folder can't be made or written, or its disk is full.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder) as file:
                file.write(bytes(32 * 1024))
        except OSError as error:
            raise folder_error(self.folder, error) from error

    def look(self) -> tuple[_Runs, _Broken]:
        """Runs and broken folders, as `list` and `broken`, in one reading.

        Raises:
            RunError: the folder is there and can't be read.
        """
        try:
            names = sorted(each.name for each in self.folder.iterdir())
        except FileNotFoundError:
            names = []
        except OSError as error:
            raise RunError(
                f"The runs in {self.folder} can't be read ({error.strerror or error}).",
                "Choose another folder for runs, or make this one readable.",
            ) from error
        runs: _Runs = []
        broken: _Broken = []
        for name in names:
            path = self.folder / name
            if name.startswith(".") or not path.is_dir():
                continue
            try:
                runs.append(self.get(name))
            except ExplorerError as error:
                if path.exists():  # deleted a moment ago otherwise
                    broken.append((path, error))
        runs.sort(key=lambda run: (run.config.created, run.id), reverse=True)
        return runs, broken

    def _path(self, run_id: str) -> Path:
        if not PLAIN_NAME.fullmatch(run_id):
            raise RunError(
                f"{run_id!r} is not a valid id of a run.",
                f"See the list of runs; an id is {PLAIN_NAME_RULE}. A folder with another name "
                "can be renamed.",
            )
        path = self.folder / run_id
        if not path.is_dir():
            raise RunError(f"{self.folder} has no run {run_id}.", "See the list of runs.")
        if path.resolve().parent != self.folder.resolve():
            raise RunError(
                f"{run_id} is a link to a folder outside.",
                "Copy the folder here, or give its own path.",
            )
        return path


def run_named(name: str, runs: RunsFolder) -> Run:
    """A run by its id, or by its own folder anywhere.

    Raises:
        RunError: there is none, or it can't be opened.
    """
    folder = person_path(name)
    here = PLAIN_NAME.fullmatch(name) and (runs.folder / name).is_dir()
    return Run.open(folder) if folder.is_dir() and not here else runs.get(name)
