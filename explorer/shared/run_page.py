"""Which run a page shows: the one that its address or this session names, else the newest."""

from __future__ import annotations

import streamlit as st

from core.errors import ExplorerError, RunError
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from explorer.navigation import PAGE_OF_TASK
from explorer.shared.messages import show_error
from explorer.state import BrowserState


def run_on_screen(
    state: BrowserState, folder: RunsFolder, page: str, beside: str | None = None
) -> Run | None:
    """The run that a page shows; None where there is none yet.

    Args:
        page: its name.
        beside: a task whose runs the page shows elsewhere: none of them is chosen here.

    Raises:
        RunError: the runs folder can't be read.
    """
    wanted = state.run_ids.get(page) or st.query_params.get("run")
    if wanted is not None:
        try:
            run = folder.get(wanted)
            if PAGE_OF_TASK.get(run.config.task) == page:
                if run.config.task != beside:
                    return run
                state.run_ids.pop(page, None)
                return _newest(folder, page, beside)
            raise RunError(
                f"The run {run.id} is one of {run.config.task}, which has a page of its own.",
                "Open it from the list of runs.",
            )
        except ExplorerError as error:
            show_error(error)
            state.run_ids.pop(page, None)
    return _newest(folder, page, beside)


def _newest(folder: RunsFolder, page: str, beside: str | None) -> Run | None:
    tasks = {task for task, its in PAGE_OF_TASK.items() if its == page and task != beside}
    return next((run for run in folder.list() if run.config.task in tasks), None)


def show_in_address(state: BrowserState, run: Run) -> None:
    """Make the address reopen this run, after a refresh or on another day."""
    state.run_ids[PAGE_OF_TASK[run.config.task]] = run.id
    state.write_address(run=run.id)
