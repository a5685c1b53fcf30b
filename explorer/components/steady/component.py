"""Mount, on a Streamlit page, what keeps the height of its parts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from core.components.assets import read_assets

_FOLDER = Path(__file__).parent
_component = st.components.v2.component(
    "fork_explorer_steady", js=read_assets(_FOLDER, "steady.js")
)


def steady(parts: Sequence[str], *, busy: bool, key: str) -> None:
    """Let no part become lower than it was while `busy`, so that nothing below it moves.

    Args:
        parts: keys of containers of the page.
        busy: whether something works.
    """
    _component(key=key, data={"parts": list(parts), "busy": busy})
