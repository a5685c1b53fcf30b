"""The alternatives of one token as a table: where each leads, and how often it is correct."""

from explorer.components.alternatives_table.component import (
    AlternativeRow,
    AlternativesTable,
    Cell,
    RowAct,
    alternatives_table,
    read_alternatives_table,
)

__all__ = [
    "AlternativeRow",
    "AlternativesTable",
    "Cell",
    "RowAct",
    "alternatives_table",
    "read_alternatives_table",
]
