"""The phases of a study, as its progress names them."""

from __future__ import annotations

from typing import Any

from core.studies.grid import Cell

ROLLING_OUT = "rollouts"
TEACHERS_ROLLOUTS, READING = "the teacher's rollouts", "the teacher's distributions"
OF_TEACHER = "accuracy of the teacher"
BEFORE = "accuracy of the base"
TRAINING, MEASURING = "training", "accuracy"  # of every cell


def doing(cell: Cell[Any], count: int, what: str) -> str:
    """What is being done in a cell, of so many."""
    return f"cell {cell.number + 1} of {count}: {what}"
