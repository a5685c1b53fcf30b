"""Which run a page shows: the one that its address or this session names, else the newest."""

from __future__ import annotations

import streamlit as st

from core.errors import ExplorerError, RunError
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from explorer.navigation import PAGE_OF_TASK
from explorer.panels.messages import show_error
from explorer.state import BrowserState


def run_on_screen(state: BrowserState, folder: RunsFolder, page: str) -> Run | None:
    """The run that a page shows; None where there is none yet.

    Raises:
        RunError: the runs folder can't be read.
    """
    wanted = state.run_ids.get(page) or st.query_params.get("run")
    if wanted is not None:
        try:
            run = folder.get(wanted)
            if PAGE_OF_TASK.get(run.config.task) == page:
                return run
            raise RunError(
                f"The run {run.id} is one of {run.config.task}, which has a page of its own.",
                "Open it from the list of runs.",
            )
        except ExplorerError as error:
            show_error(error)
            state.run_ids.pop(page, None)
    runs = folder.list()
    return next((run for run in runs if PAGE_OF_TASK.get(run.config.task) == page), None)


def show_in_address(state: BrowserState, run: Run) -> None:
    """Make the address reopen this run, after a refresh or on another day."""
    state.run_ids[PAGE_OF_TASK[run.config.task]] = run.id
    if st.query_params.to_dict() != {"run": run.id}:
        st.query_params.from_dict({"run": run.id})
