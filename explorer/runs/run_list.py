"""All runs, newest first, to open, repeat, rename, delete or resume."""

from __future__ import annotations

import streamlit as st

from core.errors import ExplorerError
from core.kinds import kind_title
from core.runs.config import MAX_NAME
from core.runs.estimate import duration
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from explorer.navigation import ask_for, page_of, run_page_titles
from explorer.shared.messages import plain, show_error
from explorer.shared.run_panel import (
    act,
    run_badge,
    run_progress,
    show_notice,
    start,
    when,
)
from explorer.state import RUNS_A_PAGE, BrowserState


def runs_list(state: BrowserState, folder: RunsFolder) -> None:
    """All runs, newest first."""
    show_notice(state)
    try:
        broken, runs = folder.broken(), folder.list()
    except ExplorerError as error:
        show_error(error)
        return
    for path, why in broken:
        st.warning(f"**{plain(path.name)}** {plain(str(why))}", icon=":material/folder_off:")
    if not runs:
        *places, last = [f"**{title}**" for title in run_page_titles()]
        st.info(
            f"Nothing has run yet. Open {', '.join(places)} or {last}, and start something there.",
            icon=":material/arrow_back:",
        )
    for run in runs[: state.runs_shown]:
        status = run.status()
        with st.container(border=True, gap="small", key=f"run {run.id}"):
            config = run.config
            facts = [
                plain(kind_title(run)),
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
            f"Show {min(RUNS_A_PAGE, len(runs) - state.runs_shown)} older runs",
            on_click=_show_more,
            args=(state,),
        )


def _show_more(state: BrowserState) -> None:
    state.runs_shown += RUNS_A_PAGE


def _buttons(state: BrowserState, folder: RunsFolder, run: Run, *, live: bool) -> None:
    st.button(
        "Open",
        key=f"open {run.id}",
        type="primary",
        disabled=page_of(run) is None,
        on_click=_open,
        args=(state, run),
    )
    st.button(
        "Repeat",
        key=f"repeat {run.id}",
        help="A new run with the same problems, settings and seed",
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
        st.markdown("This deletes the folder and all its results for good.")
        st.button(
            "Delete this run",
            key=f"delete {run.id}",
            type="primary",
            on_click=act,
            args=(state, run.delete),
        )


def _open(state: BrowserState, run: Run) -> None:
    page = page_of(run)
    assert page is not None
    state.run_ids[page] = run.id
    ask_for(page, run=run.id)
