"""Dialogs about runs: name, tags and notes; the command; deletion."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.cli.command_line import run_command
from core.errors import ExplorerError
from core.runs.config import MAX_NAME, MAX_NOTES, MAX_TAGS
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from explorer.runs import run_table
from explorer.runs.run_table import run_label
from explorer.shared.messages import plain, show_error
from explorer.shared.run_panel import act
from explorer.state import BrowserState

_ASKED = "dialog about runs"  # in Streamlit's session state: (action, ids)


def ask_in_dialog(action: str, runs: Sequence[Run]) -> None:
    """Open a dialog when the page is drawn next."""
    st.session_state[_ASKED] = (action, [run.id for run in runs])


def run_dialog(state: BrowserState, folder: RunsFolder) -> None:
    """The dialog that was asked for. Draw it outside parts that poll, which would close it."""
    asked = st.session_state.get(_ASKED)
    if asked is None:
        return
    action, ids = asked
    try:
        runs = [folder.get(each) for each in ids]
    except ExplorerError as error:
        _close()
        show_error(error)
        return
    draw = {run_table.EDIT: _edit, run_table.COMMAND: _command, run_table.DELETE: _delete}[action]
    draw(state, folder, runs)


def _close() -> None:
    st.session_state.pop(_ASKED, None)


@st.dialog("Name, tags and notes", on_dismiss=_close)
def _edit(state: BrowserState, folder: RunsFolder, runs: Sequence[Run]) -> None:
    (run,) = runs
    name = st.text_input("Name", run.config.name, max_chars=MAX_NAME)
    known = sorted({tag for each in folder.list() for tag in each.config.tags})
    tags = st.multiselect(
        "Tags",
        list(dict.fromkeys([*run.config.tags, *known])),
        default=list(run.config.tags),
        accept_new_options=True,
        max_selections=MAX_TAGS,
        placeholder="Type a tag, then Enter",
    )
    notes = st.text_area("Notes", run.config.notes, max_chars=MAX_NOTES)
    st.caption(f"Stored in {plain(str(run.folder))}")
    if st.button("Save", type="primary"):
        act(state, lambda: run.label(name=name, tags=tags, notes=notes))
        _close()
        st.rerun()


@st.dialog("Command", width="medium", on_dismiss=_close)
def _command(state: BrowserState, folder: RunsFolder, runs: Sequence[Run]) -> None:
    try:
        command = run_command(runs[0])
    except ExplorerError as error:
        show_error(error)
        return
    st.markdown("This command makes the run again, with the same settings:")
    st.code(command.text, language="bash", wrap_lines=True)
    if command.note:
        st.caption(plain(command.note))


@st.dialog("Delete", on_dismiss=_close)
def _delete(state: BrowserState, folder: RunsFolder, runs: Sequence[Run]) -> None:
    if len(runs) == 1:
        st.markdown("Deletes the folder and all results permanently.")
    else:
        st.markdown(f"Deletes {len(runs)} folders and all their results permanently.")
    for run in runs[:10]:
        st.caption(f"{plain(run_label(run))} ({plain(run.id)})")
    if len(runs) > 10:
        st.caption(f"and {len(runs) - 10} more")

    def delete() -> None:
        for run in runs:
            run.delete()

    with st.container(horizontal=True):
        if st.button("Delete permanently", type="primary"):
            act(state, delete)
            _close()
            st.rerun()
        if st.button("Keep"):
            _close()
            st.rerun()
