"""A grid of single forced tokens, positions by alternatives: click one to make it a branch."""

from explorer.components.attempt_grid.component import (
    GridCell,
    GridRow,
    GridTable,
    OpenAttempt,
    attempt_grid,
    read_attempt_grid,
)

__all__ = [
    "GridCell",
    "GridRow",
    "GridTable",
    "OpenAttempt",
    "attempt_grid",
    "read_attempt_grid",
]
