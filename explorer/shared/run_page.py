"""The page of a kind of run: what is run in one line, its progress, its result; the form that
starts one is folded while a run is on screen.

The run on screen is the one that the address or this session names, else the newest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import streamlit as st

from core.errors import ExplorerError, RunError
from core.export.of_runs import has_picture, results_are_there, run_handout
from core.kinds import KINDS, kind_entry, kind_title
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.runs.status import RunState, RunStatus
from explorer.classroom.here import runs_here
from explorer.navigation import page_title
from explorer.shared.messages import plain, show_error
from explorer.shared.polling import polled
from explorer.shared.run_facts import command_of, run_line
from explorer.shared.run_form import (
    FillForm,
    fill_from_link,
    form_head,
    form_shown,
    show_edit,
    show_new,
)
from explorer.shared.run_panel import any_live, run_state, show_notice, status_line
from explorer.shared.share import share
from explorer.state import BrowserState, browser_state

Report = Callable[[BrowserState, Run, RunStatus], None]
"""Draws the results of a run."""

_STYLE = Path(__file__).resolve().parents[1] / "run_page.css"


def _never() -> bool:
    return False


@dataclass(frozen=True)
class RunScreen:
    """A page that starts runs and shows one.

    Attributes:
        name: of the page.
        about: what it is for, in markdown; shown while the form is open.
        form: draws the fields and the button that starts a run.
        fill: puts the settings of a run into these fields.
        prefix: begins the keys of the fields in the session's form.
        hint: what to do first, in markdown; shown until there is a run.
        report: draws the results.
        beside: a kind whose runs the page shows elsewhere.
        also_live: whether something else that the report draws is still working.
    """

    name: str
    about: str
    form: Callable[[BrowserState, RunsFolder], object]
    fill: FillForm
    prefix: str
    hint: str
    report: Report
    beside: str | None = None
    also_live: Callable[[], bool] = _never


def run_page(screen: RunScreen) -> None:
    """A whole page: title, form, the run on screen."""
    page_head(screen.name, "")
    run_area(screen)


def page_head(name: str, about: str) -> None:
    """The title of a page, and what it is for."""
    st.markdown(f"### {page_title(name)}")
    if about:
        st.caption(about)


def run_area(screen: RunScreen) -> None:
    """The form and the run on screen, of a page that has its title already."""
    st.html(_STYLE)
    state, folder = browser_state(), runs_here()
    try:
        run = _run_on_screen(state, folder, screen)
    except ExplorerError as error:
        run = None
        show_error(error)
    shown = form_shown(screen.name)
    if run is None or shown is not None:
        _open_form(state, folder, screen, run)
        if shown is not None and form_shown(screen.name) is None:
            st.rerun()  # the form has started a run: nothing above it may stay open
        started = state.run_ids.get(screen.name)
        if started is not None and (run is None or started != run.id):
            st.rerun()
    if run is not None:
        _run_section(state, screen, run)
        return
    show_notice(state)
    st.info(screen.hint, icon=":material/arrow_upward:")


def _open_form(state: BrowserState, folder: RunsFolder, screen: RunScreen, run: Run | None) -> None:
    st.caption(screen.about)
    with st.container(border=True, key="run_form"):
        form_head(state, screen.name, run)
        screen.form(state, folder)


def _run_section(state: BrowserState, screen: RunScreen, run: Run) -> None:
    """The run on screen: what it is, its state and its results, drawn again while it works."""
    name = screen.name
    state.run_ids[name] = run.id
    state.write_address(run=run.id)  # so that a refresh shows the same run
    working = partial(any_live, [run])
    _card(state, screen, run)

    def draw() -> None:
        if state.run_ids.get(name) != run.id:  # a button below has started or chosen another one
            st.rerun()
        show_notice(state)
        status = run.status()
        if status.state is not RunState.DONE:  # which the card says
            status_line(state, run, status)
        screen.report(state, run, status)

    polled(draw, lambda: working() or screen.also_live())


def _card(state: BrowserState, screen: RunScreen, run: Run) -> None:
    """What is run, in one line, with the ways to run it again; whether it is done."""
    kind = f" · {plain(kind_title(run))}" if len(_kinds_on(screen)) > 1 else ""
    with st.container(border=True, key="run_card"):
        row = st.container(
            horizontal=True,
            horizontal_alignment="distribute",
            vertical_alignment="center",
            gap="small",
        )
        status = run.status()
        done = f"  {run_state(run, status)}" if status.state is RunState.DONE else ""
        row.markdown(f"**{plain(run.config.name or run.id)}**{kind}{done}", width="content")
        buttons = row.container(horizontal=True, width="content", gap="xsmall", key="run_again")
        st.container(key="run_line").markdown(run_line(state, run))
        buttons.button(
            "Edit",
            icon=":material/edit:",
            help="Open the form with the settings of this run",
            on_click=show_edit,
            args=(state, screen.name, run, screen.fill),
        )
        with buttons.popover("CLI", icon=":material/terminal:", help="The command of this run"):
            command_panel(run)
        if results_are_there(run):
            with buttons:
                share(
                    {"run": partial(run_handout, run)},
                    name=run.id,
                    key=f"share {run.id}",
                    link={"run": run.id},
                    has_picture=has_picture(run),
                )
        buttons.button(
            "New run",
            icon=":material/add:",
            help="Open the form as you left it",
            on_click=show_new,
            args=(state, screen.name),
        )


def command_panel(run: Run) -> None:
    """The command that makes a run again, to copy."""
    try:
        command = command_of(run)
    except ExplorerError as error:
        show_error(error)
        return
    st.caption("The same run from the command line:")
    st.code(command.text, language="bash", wrap_lines=True)
    if command.note:
        st.caption(plain(command.note))


def _run_on_screen(state: BrowserState, folder: RunsFolder, screen: RunScreen) -> Run | None:
    """The run that a page shows; None if there are none yet.

    Raises:
        RunError: the runs folder can't be read.
    """
    page = screen.name
    chosen = state.run_ids.get(page)
    wanted = chosen or st.query_params.get("run")
    if wanted is not None:
        try:
            run = folder.get(wanted)
            if kind_entry(run).page != page:
                raise RunError(
                    f"The run {run.id} ({kind_title(run)}) has a page of its own.",
                    "Open it from the list of runs.",
                )
            if run.config.task != screen.beside:
                if chosen is None:
                    fill_from_link(state, screen.prefix, run, screen.fill)
                return run
        except ExplorerError as error:
            show_error(error)
        state.run_ids.pop(page, None)
    names = _kinds_on(screen)
    return next((run for run in folder.list() if run.config.task in names), None)


def _kinds_on(screen: RunScreen) -> set[str]:
    return {
        name for name, entry in KINDS.items() if entry.page == screen.name and name != screen.beside
    }
