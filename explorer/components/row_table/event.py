"""What the browser reports of a table, validated before use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

_MOST = 100_000  # characters of a view, rows of an action


@dataclass(frozen=True)
class RowSelection:
    """The row selected last, and the sample whose answer was clicked."""

    table: str
    row: str
    sample: int | None


@dataclass(frozen=True)
class SampleSteps:
    """Steps through the samples of a row.

    Args:
        since: tells counts that belong together from those of a table that was mounted later
        total: all steps since then, those to the next sample less those to the previous one
    """

    table: str
    row: str
    since: int
    total: int


@dataclass(frozen=True)
class RowAction:
    """Something to do with rows, by their ids."""

    table: str
    name: str
    rows: tuple[str, ...]


@dataclass(frozen=True)
class TableView:
    """Filter, search and sort of a table, as JSON-ready values."""

    table: str
    filter: str | None
    search: str
    facets: Mapping[str, str]
    sort: tuple[str, bool] | None  # column, descending


def read_selection(key: str) -> RowSelection | None:
    """The selection of the table with a key; None without one, or for a malformed message."""
    found = _part(key, "selected")
    table, row, sample = (found.get(name) for name in ("table", "row", "sample"))
    if not isinstance(table, str) or not isinstance(row, str):
        return None
    return RowSelection(table, row, sample if _is_count(sample) else None)


def read_steps(key: str) -> SampleSteps | None:
    """The steps through samples, for use in its callback."""
    found = _part(key, "step")
    table, row, since, total = (found.get(name) for name in ("table", "row", "since", "total"))
    if not isinstance(table, str) or not isinstance(row, str):
        return None
    if type(since) is not int or type(total) is not int:
        return None
    return SampleSteps(table, row, since, total)


def read_action(key: str) -> RowAction | None:
    """The action on rows, for use in its callback."""
    found = _part(key, "act")
    table, name, rows = (found.get(each) for each in ("table", "name", "rows"))
    if not isinstance(table, str) or not isinstance(name, str) or not isinstance(rows, list):
        return None
    if len(rows) > _MOST or not all(isinstance(row, str) for row in rows):
        return None
    return RowAction(table, name, tuple(rows))


def read_view(key: str) -> TableView | None:
    """Filter, search and sort, for use in their callback."""
    return view_of(_part(key, "view"))


def view_of(found: Any) -> TableView | None:
    """A view from JSON-ready values of unknown origin; None if they are malformed."""
    if not isinstance(found, Mapping):
        return None
    table, search, chosen = found.get("table"), found.get("search"), found.get("filter")
    if not isinstance(table, str) or not isinstance(search, str) or len(search) > _MOST:
        return None
    if not (chosen is None or isinstance(chosen, str)):
        return None
    facets = found.get("facets")
    if not isinstance(facets, Mapping):
        return None
    if not all(isinstance(each, str) for pair in facets.items() for each in pair):
        return None
    sort = _sort(found.get("sort"))
    return TableView(table, chosen, search, dict(facets), sort)


def _sort(found: Any) -> tuple[str, bool] | None:
    if not isinstance(found, list) or len(found) != 2:
        return None
    column, down = found
    return (column, down) if isinstance(column, str) and isinstance(down, bool) else None


def _part(key: str, name: str) -> Mapping[str, Any]:
    state = st.session_state.get(key)
    found = state.get(name) if isinstance(state, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
