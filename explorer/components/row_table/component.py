"""Mount the table of rows on a Streamlit page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from core.components.assets import read_assets
from explorer.components.once import once
from explorer.components.row_table.event import TableView
from explorer.components.row_table.view import RowTable

_FOLDER = Path(__file__).parent
_component = st.components.v2.component(
    "fork_explorer_row_table",
    css=read_assets(_FOLDER, "row_table.css"),
    js=read_assets(_FOLDER, *("cells.js", "toolbar.js", "menu.js", "row_table.js")),
)


def row_table(
    table: RowTable,
    *,
    key: str,
    selected: str | None = None,
    view: TableView | None = None,
    on_select: Callable[[], None] | None = None,
    on_step: Callable[[], None] | None = None,
    on_act: Callable[[], None] | None = None,
    on_view: Callable[[], None] | None = None,
) -> None:
    """Draw a table and report what is done with it.

    The browser draws selection, filters, search and sort by itself. In callbacks, read them with
    `read_selection`, `read_steps`, `read_action` and `read_view`.

    Args:
        selected: the row that is selected when the table first appears.
        view: its filter, search and sort then.
    """
    _component(
        key=key,
        data=table.message | {"opening": _opening(table.id, key, selected, view)},
        on_selected_change=once(key, "selected", on_select),
        on_step_change=on_step or _nothing,
        on_act_change=on_act or _nothing,
        on_view_change=on_view or _nothing,
    )


def _opening(table: str, key: str, selected: str | None, view: TableView | None) -> dict[str, Any]:
    """How the table first appeared, until it is another one: a selection must not send all rows
    again."""
    memory = f"{key}:opened_with"
    known = st.session_state.get(memory)
    if known is None or known[0] != table or key not in st.session_state:
        own = {} if view is None else dict(vars(view))
        known = (table, {**own, "selected": selected})
        st.session_state[memory] = known
    opening: dict[str, Any] = known[1]
    return opening


def _nothing() -> None:
    """Callback that registers a state name and does nothing."""
