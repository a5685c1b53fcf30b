"""The page of a kind of run: a form that starts one, and the run on screen with its results.

The run on screen is the one that the address or this session names, else the newest.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from core.errors import ExplorerError, RunError
from core.kinds import KINDS, kind_entry, kind_title
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.runs.status import RunStatus
from explorer.navigation import page_title
from explorer.shared.messages import plain, show_error
from explorer.shared.polling import polled
from explorer.shared.run_panel import any_live, run_badge, run_progress, show_notice
from explorer.state import BrowserState, browser_state

Report = Callable[[BrowserState, Run, RunStatus], None]
"""Draws the results of a run."""


def run_page(
    name: str,
    *,
    about: str,
    form: Callable[[BrowserState, RunsFolder], None],
    hint: str,
    report: Report,
) -> None:
    """A whole page: title, form, the run on screen.

    Args:
        name: of the page.
        about: what it is for, in markdown.
        form: draws the fields and the button that starts a run.
        hint: what to do first, in markdown; shown until there is a run.
        report: draws the results.
    """
    state, folder = browser_state(), RunsFolder()
    page_head(name, about)
    with st.container(border=True):
        form(state, folder)
    run_section(state, folder, name, hint=hint, report=report)


def page_head(name: str, about: str) -> None:
    """The title of a page, and what it is for."""
    st.markdown(f"### {page_title(name)}")
    st.caption(about)


def run_section(
    state: BrowserState,
    folder: RunsFolder,
    name: str,
    *,
    hint: str,
    report: Report,
    beside: str | None = None,
    also_live: Callable[[], bool] = lambda: False,
) -> None:
    """The run on screen: its state and its results, drawn again and again while it works.

    Args:
        beside: a kind whose runs the page shows elsewhere, not here.
        also_live: whether something else that is drawn here is still working.
    """
    try:
        run = _run_on_screen(state, folder, name, beside)
    except ExplorerError as error:
        show_error(error)
        return
    if run is None:
        show_notice(state)
        st.info(hint, icon=":material/arrow_upward:")
        return
    state.run_ids[name] = run.id
    state.write_address(run=run.id)  # so that a refresh shows the same run
    several = len(_kinds_on(name, beside)) > 1
    working = partial(any_live, [run])

    def draw() -> None:
        if state.run_ids.get(name) != run.id:  # a button below has started or chosen another one
            st.rerun()
        show_notice(state)
        status = run.status()
        kind = f" · {plain(kind_title(run))}" if several else ""
        st.markdown(f"**{plain(run.config.name or run.id)}**{kind} {run_badge(status)}")
        run_progress(state, run, status)
        report(state, run, status)

    polled(draw, lambda: working() or also_live())


def _run_on_screen(
    state: BrowserState, folder: RunsFolder, page: str, beside: str | None
) -> Run | None:
    """The run that a page shows; None if there are none yet.

    Raises:
        RunError: the runs folder can't be read.
    """
    wanted = state.run_ids.get(page) or st.query_params.get("run")
    if wanted is not None:
        try:
            run = folder.get(wanted)
            if kind_entry(run).page != page:
                raise RunError(
                    f"The run {run.id} ({kind_title(run)}) has a page of its own.",
                    "Open it from the list of runs.",
                )
            if run.config.task != beside:
                return run
        except ExplorerError as error:
            show_error(error)
        state.run_ids.pop(page, None)
    names = _kinds_on(page, beside)
    return next((run for run in folder.list() if run.config.task in names), None)


def _kinds_on(page: str, beside: str | None) -> set[str]:
    return {name for name, entry in KINDS.items() if entry.page == page and name != beside}
