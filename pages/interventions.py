"""Interventions: which tokens changed the answer, and would random ones have done it?"""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.errors import ExplorerError
from core.interventions.task import INTERVENTIONS
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.runs.status import RunState
from explorer.interventions.report import intervention_report
from explorer.interventions.setup import intervention_setup
from explorer.shared.messages import plain, show_error
from explorer.shared.polling import polled
from explorer.shared.run_page import run_on_screen, show_in_address
from explorer.shared.run_panel import any_live, run_badge, run_progress, show_notice
from explorer.state import BrowserState, browser_state


def study(state: BrowserState, run: Run) -> None:
    """The run on screen; polls while it works."""
    show_notice(state)
    status = run.status()
    st.markdown(f"**{plain(run.config.name or run.id)}** {run_badge(status)}")
    run_progress(state, run, status)
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
    polled(partial(study, state, run), partial(any_live, [run]))
