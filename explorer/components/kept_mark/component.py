"""Set a cookie by JavaScript, and read it: Streamlit itself can only read."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.components.assets import read_assets

_component = st.components.v2.component(
    "fork_explorer_kept_mark", js=read_assets(Path(__file__).parent, "kept_mark.js")
)


def mark(name: str, *, key: str) -> None:
    """Set a mark, unless this browser has it; what is drawn shows nothing.

    Args:
        name: letters, digits and hyphens.
    """
    if not is_marked(name):
        with st.container(key=f"{key}_place"):
            _component(key=key, data={"name": name})


def is_marked(name: str) -> bool:
    """Whether the browser had a mark when it opened the page."""
    return name in st.context.cookies.to_dict()
