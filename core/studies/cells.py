"""One cell of a study: trained, measured and kept; killed at any moment, it is continued."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from core.errors import TrainingError
from core.lora.cost import mark_end
from core.lora.run_files import ADAPTER, CHECKPOINTS, HISTORY, SUMMARY
from core.runs.run import Run
from core.studies.grid import Cell
from core.studies.results import CellResult

if TYPE_CHECKING:
    from core.runs.context import RunContext

CELLS = "cells"
"""Folder of the finished cells: the adapter of each, and what its training logged."""

_AT_WORK = (
    "cell_at_work.txt"  # names the cell whose adapter and checkpoints are in the run's folder
)
_DONE = "done/"  # prefix of the units of finished cells
_ADAPTER = TypeAdapter(CellResult)


def finished_cells(units: Mapping[str, Any], cells: Sequence[Cell[Any]]) -> list[CellResult]:
    """What a study has found so far, by its units, in the order of the grid."""
    found = [units.get(_DONE + cell.name) for cell in cells]
    return [_ADAPTER.validate_python(each) for each in found if each is not None]


def work_on(work: RunContext, cell: Cell[Any], make: Callable[[], CellResult]) -> bool:
    """Train and measure a cell, unless it is done. One that can't be trained is kept as such.

    Args:
        work: the run; its adapter, checkpoints and summary are those of the cell at work.
        make: trains and measures; a TrainingError says why it can't.

    Returns:
        Whether the cell was not done before.

    Raises:
        Cancelled, ExplorerError: as `make`.
    """
    key = _DONE + cell.name
    is_new = key not in work.finished
    if is_new:
        _begin(work, cell)
        try:
            result = make()
        except TrainingError as error:
            result = CellResult(
                cell.number, cell.setting, words_of(cell), cell.seed, failure=str(error)
            )
        work.keep(key, _ADAPTER.dump_python(result, mode="json"))
        work.finished[key] = True
        mark_end(work, f"cell {cell.number + 1}")
    _put_away(work.run, cell)
    return is_new


def words_of(cell: Cell[Any]) -> dict[str, str]:
    """The values that vary, as people type them."""
    return {
        name: "+".join(value) if isinstance(value, tuple) else str(value)
        for name, value in cell.values.items()
    }


def _begin(work: RunContext, cell: Cell[Any]) -> None:
    """Remove what another cell has left: the unit of an earlier cell may have been lost."""
    folder = work.run.folder
    try:
        at_work = (folder / _AT_WORK).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        at_work = ""
    if at_work == cell.name:
        return
    for place in (folder / CELLS / cell.name, folder / ADAPTER, folder / CHECKPOINTS):
        shutil.rmtree(place, ignore_errors=True)
    for name in (SUMMARY, HISTORY):
        (folder / name).unlink(missing_ok=True)
    work.write(_AT_WORK, cell.name)


def _put_away(run: Run, cell: Cell[Any]) -> None:
    """Move a finished cell's adapter and history into its folder. Done again after a kill."""
    folder = run.folder / CELLS / cell.name
    if folder.is_dir():
        return
    partial = folder.with_name(f".{cell.name}.partial")
    partial.mkdir(parents=True, exist_ok=True)
    for name in (HISTORY, ADAPTER):
        if (run.folder / name).exists():
            (run.folder / name).replace(partial / name)
    for name in (SUMMARY, _AT_WORK):
        (run.folder / name).unlink(missing_ok=True)
    if (run.folder / CHECKPOINTS).is_dir():  # else the next cell would continue from them
        shutil.rmtree(run.folder / CHECKPOINTS)
    partial.replace(folder)
