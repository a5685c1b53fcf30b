"""Interventions: which tokens changed the answer, and would random ones have done it?"""

from __future__ import annotations

import streamlit as st

from core.errors import ExplorerError
from core.interventions.task import INTERVENTIONS
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.runs.status import RunState
from explorer.interventions.report import intervention_report
from explorer.interventions.setup import intervention_setup
from explorer.navigation import follow_wish
from explorer.shared.messages import plain, show_error
from explorer.shared.run_page import run_on_screen, show_in_address
from explorer.shared.run_panel import run_badge, run_progress, show_notice
from explorer.state import BrowserState, browser_state


def study(state: BrowserState, run: Run) -> None:
    """The run on screen; polls while it works."""
    follow_wish()
    show_notice(state)
    status = run.status()
    st.markdown(f"**{plain(run.config.name or run.id)}** {run_badge(status)}")
    run_progress(state, run, status)
    if status.state.is_live != st.session_state["polling_study"]:
        st.rerun()
    intervention_report(state, run, finished=status.state is RunState.DONE)


state = browser_state()
folder = RunsFolder()
st.markdown("### Interventions")
st.caption(
    "Put tokens into the model's chains, and see what changes the answer: at forks, at random "
    "positions, or wherever a teacher would have chosen otherwise."
)
with st.container(border=True):
    intervention_setup(state, folder)
try:
    run = run_on_screen(state, folder, INTERVENTIONS.name)
except ExplorerError as error:
    show_error(error)
    st.stop()
if run is None:
    show_notice(state)
    st.info("Choose problems and arms, then press **Run**.", icon=":material/arrow_upward:")
else:
    show_in_address(state, run)
    st.session_state["polling_study"] = run.status().state.is_live
    st.fragment(study, run_every=1.0 if st.session_state["polling_study"] else None)(state, run)
