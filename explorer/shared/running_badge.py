"""The sidebar's line with the number of runs in progress."""

from __future__ import annotations

import streamlit as st

from core.errors import ExplorerError
from explorer.classroom.here import runs_here
from explorer.navigation import page
from explorer.shared.polling import polled

_SECONDS = 3.0


def running_badge() -> None:
    """Show the number of runs in progress, updated until they end."""
    working = 0  # as last counted: every status is read from its run's folder

    def live() -> bool:
        nonlocal working
        working = _live()
        return working > 0

    def draw() -> None:
        if working:
            words = "1 run in progress" if working == 1 else f"{working} runs in progress"
            st.page_link(page("runs"), label=words, icon=":material/progress_activity:")

    polled(draw, live, seconds=_SECONDS)


def _live() -> int:
    try:
        return sum(run.status().state.is_live for run in runs_here().list())
    except ExplorerError:  # the pages about runs show the error
        return 0
