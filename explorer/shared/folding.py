"""Parts of a page that are folded away until a person opens them."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st


def folded(label: str, key: str, draw: Callable[[], None], *, icon: str | None = None) -> None:
    """A part that is drawn once it is opened, so that a page is quick and its charts have a width.

    Args:
        label: in markdown.
        key: of the part, which stays open while the page is drawn again, also under another label.
        draw: its contents.
        icon: of Streamlit's.
    """
    memory = f"how {key} was folded"  # its label, how it began under this label, how it is now
    before, began, now = st.session_state.get(memory, (label, False, False))
    if before != label:  # to Streamlit that is another part: it begins as this one was
        began = now
    part = st.expander(label, began, key=f"fold {key}", icon=icon, on_change="rerun")
    st.session_state[memory] = label, began, bool(part.open)
    if part.open:
        with part:
            draw()
