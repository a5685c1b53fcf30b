"""What a run refers to by its folder: adapters and earlier runs, which may have been moved with it.

A config keeps whole paths. Where one leads nowhere, and the run that it lies in stands beside the
run that refers to it, the folder of the runs was moved or copied from another machine: then it is
that run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os.path import exists, isfile  # unlike Path's, they take any text
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from core.runs.run_folder import CONFIG

_PATHS_OF_MODEL = ("model", "adapter")
"""Fields of a config's model that may be folders."""


def found_references(
    teachers: Iterable[str], inputs: Mapping[str, str], model: Mapping[str, Any], runs: Path
) -> dict[str, Any]:
    """These fields of a config, with the folders that are there.

    Args:
        teachers: adapters or models.
        inputs: earlier runs by their role.
        model: fields of the model.
        runs: the folder that the run lies in.
    """
    return {
        "teachers": tuple(found(each, runs) for each in teachers),
        "inputs": {role: found(each, runs) for role, each in inputs.items()},
        "model": {
            name: found(each, runs) if name in _PATHS_OF_MODEL and isinstance(each, str) else each
            for name, each in model.items()
        },
    }


def found(name: str, runs: Path) -> str:
    """A folder that a run refers to: the one that is there, else as it is called.

    Args:
        name: whole path of a folder, perhaps of another machine, or the name of a model.
        runs: the folder that the run lies in.
    """
    parts = _parts(name)
    if not parts or ".." in parts or exists(name):
        return name
    for i in range(len(parts) - 1, 0, -1):
        here = runs.joinpath(*parts[i:])
        if isfile(runs / parts[i] / CONFIG) and exists(here):
            return str(here.resolve())
    return name


def _parts(name: str) -> tuple[str, ...]:
    """The parts of a whole path of any system; none of anything else."""
    windows = PureWindowsPath(name)
    path = windows if windows.drive else PurePosixPath(name)
    return path.parts if path.is_absolute() else ()
