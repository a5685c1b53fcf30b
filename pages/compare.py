"""Compare: what would a teacher have chosen otherwise, token by token? And distil it."""

from __future__ import annotations

import streamlit as st

from core.distillation.results import TASK as DISTILLATION
from core.models.spec import DEMO, DEMO_TEACHER
from explorer.classroom.here import runs_here
from explorer.compare.chain import chain_is_being_read
from explorer.compare.distillation import distillation_panel, show_distillation_asked_for
from explorer.compare.edit import fill_comparison
from explorer.compare.report import compare_report
from explorer.compare.setup import compare_setup
from explorer.shared.run_page import RunScreen, page_head, run_area
from explorer.state import browser_state

state, folder = browser_state(), runs_here()
page_head("compare", "")
distilled = show_distillation_asked_for(state, folder)
TOKENS, SMALLER = "Token by token", "Distil into a small adapter"
if distilled:  # once: the tab then stays until the person chooses another one
    st.session_state["compare tab"] = SMALLER
first = st.session_state.get("compare tab", TOKENS)
by_token, by_size = st.tabs([TOKENS, SMALLER], default=first)
with by_token:
    run_area(
        RunScreen(
            name="compare",
            about="What did training change? The base writes its chains, and at every token the "
            "trained model says what it would choose there: the same (unshifted), another one of "
            "the base's top five (reranked), or something else (shifted).",
            form=compare_setup,
            fill=fill_comparison,
            prefix="compare ",
            hint="Choose problems and a teacher, then press **Compare**.",
            report=compare_report,
            beside=DISTILLATION,
            also_live=chain_is_being_read,
        )
    )
with by_size:
    distillation_panel(state, DEMO_TEACHER if state.opened.spec.model == DEMO else "")
