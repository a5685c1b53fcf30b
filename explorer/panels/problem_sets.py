"""The problem sets that a session can choose from: the demo's and the uploaded ones."""

from __future__ import annotations

import streamlit as st

from core.errors import ExplorerError
from core.problems import demo_problems, parse_problems
from core.records import Problem
from explorer.panels.messages import show_error
from explorer.state import BrowserState

DEMO_SET = "Demo problems"


def problem_sets(state: BrowserState) -> dict[str, list[Problem]]:
    """Problem sets by name, the demo's first."""
    return {DEMO_SET: _demo(), **state.opened.problem_sets}


def upload_problems(state: BrowserState, key: str) -> None:
    """A file of the person's own becomes one more set."""
    file = st.file_uploader(
        "Problems of your own (JSONL: question, answer)", type=["jsonl"], key=key
    )
    if file is None or st.session_state.get(f"{key} read") == file.file_id:
        return
    try:
        state.opened.problem_sets[file.name] = parse_problems(file.getvalue(), file.name)
    except ExplorerError as error:
        show_error(error)
        return
    st.session_state[f"{key} read"] = file.file_id
    st.rerun()


@st.cache_data(show_spinner=False)
def _demo() -> list[Problem]:
    try:
        return demo_problems()
    except ExplorerError:
        return []
