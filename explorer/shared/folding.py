"""Parts of a page that are folded away until a person opens them."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st


def folded(label: str, key: str, draw: Callable[[], None], *, icon: str | None = None) -> None:
    """A part that is drawn once it is opened, so that a page is quick and its charts have a width.

    Args:
        label: in markdown.
        key: of the part, which stays open while the page is drawn again.
        draw: its contents.
        icon: of Streamlit's.
    """
    part = st.expander(label, key=f"fold {key}", icon=icon, on_change="rerun")
    if part.open:
        with part:
            draw()
