"""The problem sets that a training can learn from."""

from __future__ import annotations

import streamlit as st

from core.errors import ExplorerError
from core.problems import demo_training_problems
from core.records import Problem
from explorer.state import BrowserState

TRAINING_SET = "Demo training problems"


def training_sets(state: BrowserState) -> dict[str, list[Problem]]:
    """Sets to learn from by name, the demo's first."""
    return {TRAINING_SET: _demo(), **state.opened.problem_sets}


@st.cache_data(show_spinner=False)
def _demo() -> list[Problem]:
    try:
        return demo_training_problems()
    except ExplorerError:
        return []
