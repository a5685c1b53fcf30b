"""A table of many rows with filters, search, sort and keyboard: problems, runs."""

from explorer.components.row_table.component import row_table
from explorer.components.row_table.event import (
    RowAction,
    RowSelection,
    SampleSteps,
    TableView,
    read_action,
    read_selection,
    read_steps,
    read_view,
    view_of,
)
from explorer.components.row_table.view import (
    Action,
    Answer,
    AnswerTone,
    Column,
    Filter,
    RichCell,
    RowTable,
    TableRow,
)

__all__ = [
    "Action",
    "Answer",
    "AnswerTone",
    "Column",
    "Filter",
    "RichCell",
    "RowAction",
    "RowSelection",
    "RowTable",
    "SampleSteps",
    "TableRow",
    "TableView",
    "read_action",
    "read_selection",
    "read_steps",
    "read_view",
    "row_table",
    "view_of",
]
