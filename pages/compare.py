"""Compare: what would a teacher have chosen otherwise, token by token?"""

from __future__ import annotations

import streamlit as st

from core.distillation.results import TASK as DISTILLATION
from core.models.spec import DEMO, DEMO_TEACHER
from core.runs.runs_folder import RunsFolder
from explorer.compare.chain import chain_is_being_read
from explorer.compare.distillation import distillation_panel, show_distillation_asked_for
from explorer.compare.report import compare_report
from explorer.compare.setup import compare_setup
from explorer.shared.run_page import page_head, run_section
from explorer.state import browser_state

state, folder = browser_state(), RunsFolder()
page_head(
    "compare",
    "What did training change? The base writes its chains, and at every token the trained model "
    "says what it would have put there: the same (unshifted), another one of the base's top five "
    "(reranked), or something else (shifted).",
)
with st.container(border=True):
    compare_setup(state, folder)
show_distillation_asked_for(state, folder)
run_section(
    state,
    folder,
    "compare",
    hint="Choose problems and a teacher, then press **Compare**.",
    report=compare_report,
    beside=DISTILLATION,
    also_live=chain_is_being_read,
)
st.divider()
distillation_panel(state, DEMO_TEACHER if state.opened.spec.model == DEMO else "")
