"""Evaluate: how often a model solves the problems of a set, and whether it is better now."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.errors import ExplorerError
from core.evaluation.task import EVALUATE
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.runs.status import RunState
from explorer.evaluate.report import evaluation_report
from explorer.evaluate.setup import evaluation_setup
from explorer.shared.messages import plain, show_error
from explorer.shared.polling import polled
from explorer.shared.run_page import run_on_screen, show_in_address
from explorer.shared.run_panel import any_live, run_badge, run_progress, show_notice
from explorer.state import BrowserState, browser_state


def evaluation(state: BrowserState, run: Run) -> None:
    """The run on screen; polls while it works."""
    show_notice(state)
    status = run.status()
    st.markdown(f"**{plain(run.config.name or run.id)}** {run_badge(status)}")
    run_progress(state, run, status)
    evaluation_report(state, run, finished=status.state is RunState.DONE)


state = browser_state()
folder = RunsFolder()
st.markdown("### Evaluate")
st.caption(
    "Draw several answers to every problem, and count how often the model is right; then compare "
    "with another model, an adapter, or another sampler, problem by problem."
)
with st.container(border=True):
    evaluation_setup(state, folder)
try:
    run = run_on_screen(state, folder, EVALUATE.name)
except ExplorerError as error:
    show_error(error)
    st.stop()
if run is None:
    show_notice(state)
    st.info(
        "Choose problems and how many samples of each, then press **Run**.",
        icon=":material/arrow_upward:",
    )
else:
    show_in_address(state, run)
    polled(partial(evaluation, state, run), partial(any_live, [run]))
