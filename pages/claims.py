"""Claims: findings of the papers, checked on the model in hand by its runs."""

from __future__ import annotations

from functools import partial

from explorer.claims.report import claims_report
from explorer.claims.setup import claims_setup
from explorer.claims.view import ClaimsView
from explorer.classroom.here import runs_here
from explorer.shared.polling import polled
from explorer.shared.run_page import page_head
from explorer.state import browser_state

state = browser_state()
page_head(
    "claims",
    "Findings of three papers, each checked on the model in the sidebar: the paper's figure, what "
    "was measured here, and whether the claim holds. Every figure opens the run it comes from.",
)
view = ClaimsView(state, runs_here(), claims_setup(state, runs_here()))
polled(partial(claims_report, view), view.changing)
