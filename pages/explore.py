"""Explore: read a chain, force a token, see where it goes."""

from __future__ import annotations

from explorer.explore.forcing import wait_beside_others
from explorer.explore.problem_bar import problem_bar
from explorer.explore.stage import stage
from explorer.guide.tour import tour
from explorer.shared.polling import polled
from explorer.state import browser_state

state = browser_state()
measured_on = problem_bar(state)
tour(state)


def draw() -> None:
    """What follows work; beside others a little later."""
    wait_beside_others(state)
    stage(state, measured_on)


polled(draw, lambda: state.opened.busy, seconds=0.4)
