"""Act once on what a component reports as its state."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st


def once(key: str, name: str, act: Callable[[], None] | None) -> Callable[[], None]:
    """A callback for a component's state that acts once on each of its values.

    Streamlit calls a state's callback again, with the value of before, where the component was away
    from the page for a while: the chain's heatmap while a live chain stands in its place. Acting
    again would undo what was done in the meantime. JavaScript puts the time (`at`) into a value, so
    that a repeated click is another one.

    Args:
        key: of the component.
        name: of the state.
        act: None: nothing is done.
    """

    def changed() -> None:
        state = st.session_state.get(key)
        value = state.get(name) if isinstance(state, Mapping) else None
        memory = f"{key}:{name} answered"
        if act is None or value is None or st.session_state.get(memory) == value:
            return
        st.session_state[memory] = value
        act()

    return changed
