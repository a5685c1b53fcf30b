"""Which rollouts are on screen: a file that is uploaded, or a prompt and an answer pasted."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from core.errors import ExplorerError
from core.imports.kept_files import KeptFile, KeptFiles
from core.imports.shapes import SHAPES
from explorer.form import is_texts
from explorer.rollouts.reading import scorings
from explorer.shared.messages import plain, short
from explorer.state import BrowserState

_FILES, _SHOWN = "rollout files", "rollout file on screen"  # in the form: ids, and one of them
_ENDS = ["jsonl", "json", "csv", "tsv", "parquet", "eval"]
_UPLOADER = "rollout uploader"
_FORM = "rollouts pasted"


def rollout_source(state: BrowserState, files: KeptFiles) -> KeptFile | None:
    """Draw the ways to open rollouts, and return the file that is chosen; None before there is
    one."""
    kept = _kept(state, files)
    with st.expander("Open a file or paste a text", expanded=not kept):
        upload, paste = st.tabs(["Upload a file", "Paste prompt and answer"])
        with upload:
            _uploader(state, files)
        with paste:
            _paste(state, files)
    if not kept:
        return None
    ids = [each.id for each in kept]
    names = {each.id: short(each.name, 60) for each in kept}
    row = st.container(horizontal=True, vertical_alignment="bottom")
    chosen = state.form.choice(row, "Rollouts of", _SHOWN, ids, ids[0], format_func=names.get)
    found = next(each for each in kept if each.id == chosen)
    row.button(
        "Remove",
        key="remove rollouts",
        icon=":material/delete:",
        help=f"Deletes the copy of {plain(found.name)} that is kept on this machine, with its "
        "scores",
        on_click=_remove,
        args=(state, files, found),
    )
    return found


def _kept(state: BrowserState, files: KeptFiles) -> list[KeptFile]:
    """The files that this session has opened, the latest first."""
    return [kept for each in reversed(_opened(state)) if (kept := files.get(each)) is not None]


def _opened(state: BrowserState) -> list[str]:
    none: list[str] = []
    return state.form.value(_FILES, none, is_texts)


def _uploader(state: BrowserState, files: KeptFiles) -> None:
    known = ", ".join(shape.name for shape in SHAPES if shape.name != "own")
    st.file_uploader(
        "File of rollouts, completions or an evaluation log",
        type=_ENDS,
        key=_UPLOADER,
        on_change=partial(_take_upload, state, files),
        help="JSON lines, JSON, CSV, TSV, Parquet or an Inspect log. Fields are guessed and can be "
        f"changed. Known forms: {plain(known)}.",
    )


def _paste(state: BrowserState, files: KeptFiles) -> None:
    with st.form(_FORM, border=False):
        st.text_area("Prompt, as the model got it", key=f"{_FORM} prompt", height=120)
        st.text_area("Answer", key=f"{_FORM} answer", height=160)
        left, right = st.columns(2, vertical_alignment="bottom")
        left.text_input("Correct answer, if it is known", key=f"{_FORM} gold")
        right.checkbox("These are token ids, not texts", key=f"{_FORM} ids")
        st.form_submit_button(
            "Show",
            type="primary",
            on_click=partial(_take_pasted, state, files),
        )


def _take_upload(state: BrowserState, files: KeptFiles) -> None:
    file = st.session_state.get(_UPLOADER)
    if file is not None:
        _take(state, lambda: files.keep(file.name, file.getvalue()))


def _take_pasted(state: BrowserState, files: KeptFiles) -> None:
    prompt, answer, gold, ids = (
        st.session_state.get(f"{_FORM} {name}") for name in ("prompt", "answer", "gold", "ids")
    )
    _take(
        state,
        lambda: files.keep_pasted(prompt or "", answer or "", gold or None, ids=bool(ids)),
    )


def _take(state: BrowserState, keep: Callable[[], KeptFile]) -> None:
    try:
        kept = keep()
    except ExplorerError as error:
        state.notice = error
        return
    ids, state.notice = _opened(state), None
    state.form.keep(_FILES, [*(each for each in ids if each != kept.id), kept.id])
    state.form.put(_SHOWN, kept.id)


def _remove(state: BrowserState, files: KeptFiles, kept: KeptFile) -> None:
    scorings().forget(kept)
    try:
        files.remove(kept)
    except ExplorerError as error:
        state.notice = error
        return
    ids = _opened(state)
    state.form.keep(_FILES, [each for each in ids if each != kept.id])
    state.form.forget(_SHOWN)
