"""The phases of a study, as its progress names them."""

from __future__ import annotations

from core.studies.recipe import Cell

ROLLING_OUT = "rollouts"
BEFORE = "accuracy of the base"
TRAINING, MEASURING = "training", "accuracy"  # of every cell


def doing(cell: Cell, count: int, what: str) -> str:
    """What is being done in a cell, of so many."""
    return f"cell {cell.number + 1} of {count}: {what}"
