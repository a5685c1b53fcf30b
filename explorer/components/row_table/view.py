"""What a table of rows shows, and its compact message to the browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

AnswerTone = Literal["correct", "wrong", "other"]
Tone = Literal["", "correct", "wrong", "warned", "live", "quiet"]


@dataclass(frozen=True)
class Column:
    """A column.

    Args:
        name: unique in its table
        kind: how its cells are drawn
        width: its track in a CSS grid
        least: narrowest table, in pixels, that shows it
        sort: the direction of the first click on its head; "": can't be sorted
    """

    name: str
    label: str
    kind: Literal["plain", "number", "answers"] = "plain"
    width: str = "minmax(0, 1fr)"
    least: int = 0
    sort: Literal["", "asc", "desc"] = "asc"


@dataclass(frozen=True)
class Answer:
    """An answer that one or several samples gave."""

    tone: AnswerTone
    text: str
    count: int = 1
    sample: int = 0  # the first that gave it


@dataclass(frozen=True)
class RichCell:
    """A cell that is sorted by something else than its text, or has more to show.

    Args:
        sort: the value to sort by; None: the text
        note: quiet text after the main one
        hint: shown when the mouse rests on the cell, in place of text and note
        tone: colour, always beside a sign or word
        share: of a progress bar, from 0 to 1
        answers: shown in place of the text
    """

    text: str = ""
    sort: float | str | None = None
    note: str = ""
    hint: str = ""
    tone: Tone = ""
    share: float | None = None
    answers: Sequence[Answer] = ()


Cell = str | int | float | RichCell | None


@dataclass(frozen=True)
class TableRow:
    """A row: one cell a column.

    Args:
        id: unique in its table
        name: said by screen readers in place of the id
        find: more text that the search looks through
        menu: names of the actions in its menu
    """

    id: str
    cells: Sequence[Cell]
    name: str = ""
    find: str = ""
    menu: Sequence[str] = ()


@dataclass(frozen=True)
class Filter:
    """A filter with the numbers of its rows."""

    name: str
    label: str
    rows: Sequence[int]


@dataclass(frozen=True)
class Action:
    """What can be done with the rows that are ticked."""

    name: str
    label: str
    least: int = 1  # rows


@dataclass(frozen=True)
class RowTable:
    """A whole table.

    Args:
        id: of the table; filters, sort and scroll position are kept while it is the same
        label: what the rows are, for screen readers
        facets: columns with a choice of one of their values above the rows
        actions: what can be done with rows that are ticked; without any, none can be
        menu: labels of the actions of row menus, by name
        click: whether a click selects a row (and Enter opens it) or opens it
        steps: whether the left and right arrows step through the samples of the selected row
        height: of the rows' box in pixels, at most
    """

    id: str
    label: str
    columns: Sequence[Column]
    rows: Sequence[TableRow]
    filters: Sequence[Filter] = ()
    facets: Sequence[str] = ()
    search: str = "Search"
    actions: Sequence[Action] = ()
    menu: Mapping[str, str] = field(default_factory=dict)
    click: Literal["select", "open"] = "select"
    steps: bool = False
    height: int = 440

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Number of every row by its id."""
        return {row.id: number for number, row in enumerate(self.rows)}

    @cached_property
    def message(self) -> dict[str, Any]:
        """The table for the browser; texts of answers are sent once."""
        texts: dict[str, int] = {}
        rows = [_row_message(row, texts) for row in self.rows]
        return {
            "table": self.id,
            "label": self.label,
            "columns": [vars(column) for column in self.columns],
            "rows": rows,
            "texts": list(texts),
            "filters": [
                {"name": each.name, "label": each.label, "rows": list(each.rows)}
                for each in self.filters
            ],
            "facets": list(self.facets),
            "search": self.search,
            "actions": [vars(action) for action in self.actions],
            "menu": dict(self.menu),
            "click": self.click,
            "steps": self.steps,
            "height": self.height,
        }


def _row_message(row: TableRow, texts: dict[str, int]) -> dict[str, Any]:
    message: dict[str, Any] = {
        "id": row.id,
        "cells": [_cell_message(cell, texts) for cell in row.cells],
    }
    more = {"name": row.name, "find": row.find, "menu": list(row.menu)}
    return message | {key: value for key, value in more.items() if value}


def _cell_message(cell: Cell, texts: dict[str, int]) -> Any:
    if not isinstance(cell, RichCell):
        return cell
    if cell.answers:
        answers = [
            [each.tone, texts.setdefault(each.text, len(texts)), each.count, each.sample]
            for each in cell.answers
        ]
        return {"answers": answers, "sort": cell.sort}
    more: dict[str, Any] = {
        "note": cell.note or None,
        "hint": cell.hint or None,
        "tone": cell.tone or None,
    }
    more |= {"sort": cell.sort, "share": cell.share}
    return {"text": cell.text, **{key: value for key, value in more.items() if value is not None}}
