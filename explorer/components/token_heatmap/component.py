"""Mount the heatmap on a Streamlit page."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.components.assets import heatmap_script, heatmap_style
from core.components.heatmap_view import REQUESTS, HeatmapView
from explorer.components.once import once
from explorer.components.token_heatmap.event import HeatmapEvent, parse_event

_component = st.components.v2.component(
    "fork_explorer_token_heatmap", css=heatmap_style(), js=heatmap_script()
)


def token_heatmap(
    view: HeatmapView,
    *,
    key: str,
    on_select: Callable[[], None] | None = None,
    on_force: Callable[[], None] | None = None,
    on_threshold: Callable[[], None] | None = None,
    on_command: Callable[[], None] | None = None,
) -> HeatmapEvent:
    """Draw a chain and report clicks.

    A selection takes effect in the browser at once and is reported as state; forcing (keys 1 to 5,
    or a click in the card), a threshold that was moved on the strip, and a command (keys u and U)
    are reported once, as triggers. In a callback, read all with `read_heatmap(key)`.

    `view.initial_selection` may follow the current selection: it is sent once per chain, so that a
    click does not send the whole chain again.
    """
    view = view.with_selection(_first_selection(view, key))
    answers = {"force": on_force, "threshold": on_threshold, "command": on_command}
    state = _component(
        key=key,
        data=view.message([each for each in REQUESTS if answers[each] is not None]),
        on_selected_change=once(key, "selected", on_select),
        on_force_change=on_force or _nothing,
        on_threshold_change=on_threshold or _nothing,
        on_command_change=on_command or _nothing,
    )
    return parse_event(state)


def read_heatmap(key: str) -> HeatmapEvent:
    """The heatmap's event, for use in its callbacks."""
    return parse_event(st.session_state.get(key))


def reopen(key: str) -> None:
    """Let a heatmap that moves to another place of the page open with its view's selection."""
    st.session_state.pop(f"{key}:opened_with", None)


def _first_selection(view: HeatmapView, key: str) -> int | None:
    """The selection this chain opened with, until the chain or the page changes."""
    memory = f"{key}:opened_with"
    known = st.session_state.get(memory)
    still_mounted = key in st.session_state
    if not still_mounted or known is None or known[0] != view.chain_id:
        known = (view.chain_id, view.initial_selection)
        st.session_state[memory] = known
    selection: int | None = known[1]
    return selection


def _nothing() -> None:
    """Callback that registers a state name and does nothing."""
