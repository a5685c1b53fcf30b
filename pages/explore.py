"""Explore: read a chain, force a token, see where it goes."""

from __future__ import annotations

import streamlit as st

from explorer.explore.forcing import wait_beside_others
from explorer.explore.problem_bar import problem_bar
from explorer.explore.stage import STYLE, stage
from explorer.guide.tour import tour
from explorer.shared.polling import polled
from explorer.state import browser_state

state = browser_state()
st.html(STYLE)
measured_on = problem_bar(state)


def below() -> None:
    """What a click in the chain draws again; what follows work, beside others a little later."""
    wait_beside_others(state)
    stage(state, measured_on)
    tour(state)


polled(below, lambda: state.opened.busy, seconds=0.4)
