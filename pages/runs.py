"""Runs: everything that runs or ran, to open, repeat, rename, delete or resume."""

from __future__ import annotations

from functools import partial

import streamlit as st

from core.errors import ExplorerError
from core.runs.config import MAX_NAME
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from explorer.navigation import PAGE_OF_TASK, ask_for
from explorer.shared.messages import plain, show_error
from explorer.shared.polling import polled
from explorer.shared.run_panel import (
    act,
    any_live,
    duration,
    run_badge,
    run_progress,
    show_notice,
    start,
    when,
)
from explorer.state import RUNS_A_PAGE as _PAGE
from explorer.state import BrowserState, browser_state


def runs_list(state: BrowserState, folder: RunsFolder) -> None:
    """All runs, newest first; polls while one of them works."""
    show_notice(state)
    try:
        broken, runs = folder.broken(), folder.list()
    except ExplorerError as error:
        show_error(error)
        return
    for path, why in broken:
        st.warning(f"**{plain(path.name)}** {plain(str(why))}", icon=":material/folder_off:")
    if not runs:
        st.info(
            "Nothing has run yet. Open **Interventions**, **Fine-tune** or **Evaluate**, and start "
            "something there.",
            icon=":material/arrow_back:",
        )
    for run in runs[: state.runs_shown]:
        status = run.status()
        with st.container(border=True, gap="small", key=f"run {run.id}"):
            config = run.config
            facts = [
                plain(config.task),
                plain(str(config.model.get("model", ""))),
                f"seed {config.seed}",
                plain(when(config.created)),
                f"{duration(status.elapsed)} of work",
            ]
            if status.total is not None:
                facts.insert(2, f"{status.total:.0f} {plain(status.unit)}")
            st.markdown(
                f"**{plain(config.name or run.id)}** {run_badge(status)}  \n"
                f":small[{' · '.join(facts)}]"
            )
            with st.container(horizontal=True, gap="xsmall"):
                _buttons(state, folder, run, live=status.state.is_live)
            run_progress(state, run, status)
    if len(runs) > state.runs_shown:
        st.button(
            f"Show {min(_PAGE, len(runs) - state.runs_shown)} older runs",
            on_click=_show_more,
            args=(state,),
        )


def _show_more(state: BrowserState) -> None:
    state.runs_shown += _PAGE


def _buttons(state: BrowserState, folder: RunsFolder, run: Run, *, live: bool) -> None:
    st.button(
        "Open",
        key=f"open {run.id}",
        type="primary",
        disabled=run.config.task not in PAGE_OF_TASK,
        on_click=_open,
        args=(state, run),
    )
    st.button(
        "Repeat",
        key=f"repeat {run.id}",
        help="The same once more, as a new run: same problems, settings and seed",
        on_click=act,
        args=(state, lambda: start(state, run.repeat(folder.folder))),
    )
    name_key = f"name {run.id} {run.config.name}"
    with st.popover("Rename"):
        st.text_input(
            "Name of this run",
            run.config.name,
            key=name_key,
            max_chars=MAX_NAME,
            on_change=lambda: act(
                state, lambda: run.rename(st.session_state.get(name_key, run.config.name))
            ),
        )
    with st.popover("Delete", disabled=live):
        st.markdown("The folder and all its results go for good.")
        st.button(
            "Delete this run",
            key=f"delete {run.id}",
            type="primary",
            on_click=act,
            args=(state, run.delete),
        )


def _open(state: BrowserState, run: Run) -> None:
    page = PAGE_OF_TASK[run.config.task]
    state.run_ids[page] = run.id
    ask_for(page, run=run.id)


state = browser_state()
st.markdown("### Runs")
folder = RunsFolder()
st.caption(f"Kept in {plain(str(folder.folder))}")
polled(partial(runs_list, state, folder), lambda: any_live(folder.list()))
