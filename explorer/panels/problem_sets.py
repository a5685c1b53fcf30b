"""The problem sets that a session can choose from: the demo's and the uploaded ones."""

from __future__ import annotations

import streamlit as st

from core.errors import ExplorerError
from core.problem_files.conversion import make_table
from core.problem_files.reading import SUFFIXES, read_rows
from core.problem_files.table import ProblemTable, Rows
from core.problems import demo_problems
from core.records import Problem
from explorer.panels.messages import plain, show_error
from explorer.panels.problem_columns import confirm_columns
from explorer.state import BrowserState

DEMO_SET = "Demo problems"


def problem_sets(state: BrowserState) -> dict[str, list[Problem]]:
    """Problem sets by name, the demo's first."""
    return {DEMO_SET: _demo(), **state.opened.problem_sets}


def upload_problems(state: BrowserState, key: str) -> None:
    """A file of the person's own becomes one more set: at once where it is in the explorer's own
    form, else when its columns are confirmed."""
    file = st.file_uploader(
        "Problems of your own",
        type=list(SUFFIXES),
        key=key,
        help="JSON lines, JSON, CSV, TSV or Parquet, with a question in each row and, where it is "
        "known, the answer. GSM8K, MATH, AIME, AMC, Minerva Math and OlympiadBench are known in "
        "the forms in which they are published.",
    )
    taken, kept = f"{key} taken", f"{key} rows"
    if file is None:
        st.session_state.pop(kept, None)
        return
    if st.session_state.get(taken) == file.file_id:
        st.caption(f"{plain(file.name)} is among the problem sets.")
        return

    def take(problems: list[Problem]) -> None:
        state.opened.problem_sets[file.name] = problems
        st.session_state[taken] = file.file_id
        st.session_state.pop(kept, None)

    if st.session_state.get(kept, ("",))[0] != file.file_id:
        st.session_state[kept] = file.file_id, _read(file.getvalue(), file.name)
    rows = st.session_state[kept][1]
    if isinstance(rows, ExplorerError):
        show_error(rows)
        return
    found = _certain(rows)
    if found is None:
        confirm_columns(rows, f"{key} {file.file_id}", take)
    else:
        take(found.problems)
        st.rerun()


def _read(data: bytes, name: str) -> Rows | ExplorerError:
    try:
        return read_rows(data, name)
    except ExplorerError as error:
        return error


def _certain(rows: Rows) -> ProblemTable | None:
    """The problems of a file about which there is nothing to confirm."""
    try:
        found = make_table(rows)
    except ExplorerError:
        return None  # other columns may do better
    return found if found.certain else None


@st.cache_data(show_spinner=False)
def _demo() -> list[Problem]:
    try:
        return demo_problems()
    except ExplorerError:
        return []
