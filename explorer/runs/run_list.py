"""All runs in a table: open, repeat, cancel, resume; what needs a question is asked in a dialog."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from core.chains.session import is_text
from core.errors import ExplorerError
from core.kinds import KINDS
from core.runs import jobs
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.runs.status import RunStatus
from core.system.json_text import json_text
from explorer.components.row_table import TableView, read_action, read_view, row_table, view_of
from explorer.navigation import SCREENS, ask_for, page, page_of
from explorer.runs import run_table
from explorer.runs.run_dialogs import ask_in_dialog
from explorer.runs.run_facts import kinds_are_loaded
from explorer.runs.run_table import runs_table
from explorer.runs.side_by_side import put_side_by_side
from explorer.shared.messages import plain, show_error
from explorer.shared.run_panel import act, show_notice, start
from explorer.state import BrowserState

_FRESH = 0.5  # seconds
_KEY = "table of runs"
_VIEW = "view of runs"  # in the form: filter, search and sort
_STALE = "runs page is stale"  # in Streamlit's session state: the whole page has to run again


class RunsNow:
    """The runs and their states, read at most every so often: a draw asks several times."""

    def __init__(self, folder: RunsFolder) -> None:
        self.folder = folder
        self._found: tuple[list[tuple[Run, RunStatus]], list[tuple[Path, ExplorerError]]] = ([], [])
        self._read_at = -math.inf

    def read(self) -> tuple[list[tuple[Run, RunStatus]], list[tuple[Path, ExplorerError]]]:
        """Runs with their states, newest first, and broken folders.

        Raises:
            RunError: the folder can't be read.
        """
        if time.monotonic() - self._read_at > _FRESH:
            runs, broken = self.folder.look()
            self._found = [(run, run.status()) for run in runs], broken
            self._read_at = time.monotonic()
        return self._found

    def forget(self) -> None:
        """Read again, since something was done to a run."""
        self._read_at = -math.inf

    def changing(self) -> bool:
        """Whether a run is at work, or results are still to come."""
        runs, _ = self.read()
        working = any(status.state.is_live for _, status in runs)
        return working or (bool(runs) and not kinds_are_loaded())


def runs_list(state: BrowserState, now: RunsNow) -> None:
    """The table of all runs, newest first."""
    if st.session_state.pop(_STALE, False):
        st.rerun()
    show_notice(state)
    try:
        runs, broken = now.read()
    except ExplorerError as error:
        show_error(error)
        return
    for path, why in broken:
        st.warning(f"**{plain(path.name)}** {plain(str(why))}", icon=":material/folder_off:")
    if not runs:
        _nothing_yet()
        return
    row_table(
        runs_table(runs),
        key=_KEY,
        view=_view(state),
        on_act=lambda: _on_act(state, now),
        on_view=lambda: _on_view(state),
    )
    st.caption(
        "Click a run to open it; ⋯ or a right click has more. Tick several to see them side by "
        "side. Keys: ↑ ↓ Home End, Enter opens, Space ticks, M for the menu, / to search."
    )


def _nothing_yet() -> None:
    st.info("Nothing has run yet. Start something on one of these pages:")
    shown = {entry.page for entry in KINDS.values()}
    with st.container(horizontal=True, key="links_to_run_pages"):
        for name in SCREENS:
            if name in shown:
                st.page_link(page(name))


# ---- what the table reports ---------------------------------------------------------------------


def _on_act(state: BrowserState, now: RunsNow) -> None:
    asked = read_action(_KEY)
    if asked is None or not asked.rows:
        return

    def do() -> None:
        _do(state, now.folder, asked.name, [now.folder.get(each) for each in asked.rows])

    act(state, do)
    now.forget()


def _do(state: BrowserState, folder: RunsFolder, name: str, runs: Sequence[Run]) -> None:
    run = runs[0]
    match name:
        case run_table.OPEN:
            _open(state, run)
        case run_table.AGAIN:
            start(state, run.repeat(folder.folder))
        case run_table.CANCEL:
            jobs.cancel(run)
        case run_table.RESUME | run_table.START:
            start(state, run, resume=name == run_table.RESUME)
        case run_table.COMPARE:
            put_side_by_side(runs)
            st.session_state[_STALE] = True
        case run_table.EDIT | run_table.COMMAND | run_table.DELETE:
            ask_in_dialog(name, runs)
            st.session_state[_STALE] = True


def _open(state: BrowserState, run: Run) -> None:
    name = page_of(run)
    if name is not None:
        state.run_ids[name] = run.id
        ask_for(name, run=run.id)


def _on_view(state: BrowserState) -> None:
    found = read_view(_KEY)
    if found is not None:
        text = json_text({**vars(found), "facets": dict(found.facets)})
        state.form.keep(_VIEW, text)


def _view(state: BrowserState) -> TableView | None:
    try:
        return view_of(json.loads(state.form.value(_VIEW, "{}", is_text)))
    except ValueError:
        return None
