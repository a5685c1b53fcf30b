"""Mount the listener on a Streamlit page; it shows nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from core.components.assets import read_assets

_component = st.components.v2.component(
    "fork_explorer_help_key",
    js=read_assets(Path(__file__).parent, "help_key.js"),
)


def help_key(*, key: str, on_asked: Callable[[], None]) -> None:
    """Call `on_asked` when a person presses `?` outside a field."""
    _component(key=key, on_asked_change=on_asked)
