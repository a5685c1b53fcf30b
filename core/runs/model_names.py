"""Which model made a chain, in few words, without the folder it lies in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath, PureWindowsPath

from core.errors import ExplorerError
from core.runs.run import Run
from core.system.short_text import short


def run_name(folder: str) -> str:
    """The name of the run in a folder; that of the folder where it can't be read."""
    try:
        run = Run.open(Path(folder))
    except ExplorerError:
        return Path(folder).name
    return run.config.name or run.id


def model_words(
    model: str, adapter: str | None, name_of_run: Callable[[str], str] = run_name
) -> str:
    """A model and its adapter in words: "demo", "smollm2 + adapter train-x1y2".

    Args:
        name_of_run: the name of the run in a folder, for an adapter that a run made.
    """
    name = short(last_part(model))
    return name if adapter is None else f"{name} + adapter {teacher_words(adapter, name_of_run)}"


def teacher_words(teacher: str, name_of_run: Callable[[str], str] = run_name) -> str:
    """A model or an adapter by itself, in words: that of a run by the run's name."""
    folder = Path(teacher)
    if folder.is_absolute() and (folder.parent / "config.json").is_file():
        return short(name_of_run(str(folder.parent)))
    return short(last_part(teacher))


def last_part(name: str) -> str:
    """Of a folder or file, on whichever machine, its last part; a hub id stays as it is."""
    if PureWindowsPath(name).drive or "\\" in name:
        return PureWindowsPath(name).name or name
    path = PurePosixPath(name)
    is_path = path.is_absolute() or name.startswith(("~", "./", "../"))
    return path.name if is_path and path.name else name
