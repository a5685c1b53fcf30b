"""The problem sets that a session can choose from: those of the app and the uploaded ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import streamlit as st
from streamlit.typing import UploadedFile

from core.errors import ExplorerError
from core.problems.conversion import make_table
from core.problems.problem_sets import (
    DEMO_PROBLEMS,
    DEMO_TRAINING_PROBLEMS,
    WORD_PROBLEMS,
    WORD_TRAINING_PROBLEMS,
    read_problems,
)
from core.problems.reading import SUFFIXES, read_rows
from core.problems.table import ProblemTable, Rows
from core.records import Problem
from explorer.shared.messages import plain, show_error
from explorer.shared.problem_columns import confirm_columns
from explorer.state import BrowserState

DEMO_SET = "Demo problems"
TRAINING_SET = "Demo training problems"
WORD_SET = "Word problems (test)"
WORD_TRAINING_SET = "Word problems (train)"


@dataclass
class _Upload:
    """An uploaded file, and the state of its reading."""

    id: str
    name: str
    rows: Rows | None = None
    error: ExplorerError | None = None  # of the file, or of the columns that are guessed
    asking: bool = False  # the dialog about its columns is open
    taken: bool = False


def problem_sets(state: BrowserState) -> dict[str, list[Problem]]:
    """Problem sets by name, the demo's first."""
    own = {DEMO_SET: _own(DEMO_PROBLEMS), WORD_SET: _own(WORD_PROBLEMS)}
    return own | state.opened.problem_sets


def training_sets(state: BrowserState) -> dict[str, list[Problem]]:
    """Sets to learn from by name, the demo's first."""
    own = {
        TRAINING_SET: _own(DEMO_TRAINING_PROBLEMS),
        WORD_TRAINING_SET: _own(WORD_TRAINING_PROBLEMS),
    }
    return own | state.opened.problem_sets


def upload_problems(
    state: BrowserState, key: str, on_taken: Callable[[str], None] = lambda name: None
) -> None:
    """An uploader whose file becomes one more set: at once if it is in the explorer's own format,
    otherwise when its columns are confirmed.

    Args:
        state: of the session.
        key: of the uploader.
        on_taken: called with the name of the new set, before the page is drawn again.
    """
    file = st.file_uploader(
        "Upload your problems",
        type=list(SUFFIXES),
        key=key,
        help="JSON lines, JSON, CSV, TSV or Parquet, with a question in each row and, where it is "
        "known, the answer. Published forms such as GSM8K, MATH, AIME, SVAMP, MMLU, GPQA, "
        "NuminaMath and verl's are known; other columns can be chosen and joined.",
    )
    kept = f"{key} upload"
    if file is None:
        st.session_state.pop(kept, None)
        return
    upload: _Upload | None = st.session_state.get(kept)
    if upload is None or upload.id != file.file_id:
        upload, found = _opened(file)
        st.session_state[kept] = upload
        if found is not None and found.certain:
            _take(state, upload, on_taken, found.problems)
            st.rerun()
    if upload.taken:
        count = len(state.opened.problem_sets.get(upload.name, ()))
        word = "problem" if count == 1 else "problems"
        st.caption(f"Added: {count:,} {word} of {plain(upload.name)}.")
    if upload.error is not None:
        show_error(upload.error)
    if upload.rows is None or not upload.rows.columns:
        return
    st.button(
        "Map columns",
        key=f"{key} columns",
        icon=":material/table:",
        on_click=_ask,
        args=(upload,),
    )
    if upload.asking:
        confirm_columns(
            upload.rows,
            f"{key} {upload.id}",
            partial(_take, state, upload, on_taken),
            partial(_quiet, upload),
        )


def _opened(file: UploadedFile) -> tuple[_Upload, ProblemTable | None]:
    """Read a file; its problems by the guessed columns, None where it can't be read."""
    upload = _Upload(file.file_id, file.name)
    try:
        upload.rows = read_rows(file.getvalue(), file.name)
        upload.asking = bool(upload.rows.columns)
        return upload, make_table(upload.rows)
    except ExplorerError as error:
        upload.error = error
        return upload, None


def _take(
    state: BrowserState,
    upload: _Upload,
    on_taken: Callable[[str], None],
    problems: list[Problem],
) -> None:
    state.opened.problem_sets[upload.name] = problems
    upload.taken, upload.asking, upload.error = True, False, None
    on_taken(upload.name)


def _ask(upload: _Upload) -> None:
    upload.asking = True


def _quiet(upload: _Upload) -> None:
    upload.asking = False


@st.cache_resource(show_spinner=False)  # not one more copy for every draw of a page
def _own(path: Path) -> list[Problem]:
    """A set of the app; empty where its file is missing."""
    try:
        return read_problems(path)
    except ExplorerError:
        return []
