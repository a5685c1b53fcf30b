"""Notes on tokens and chains: fields to write them, and a list with search and jump."""

from __future__ import annotations

import streamlit as st

from core.chains.branch import Branch
from core.chains.notes import MAX_NOTE
from core.chains.tree import ForkTree
from core.components.note_list import ListedNote, found_notes, notes_of_session
from core.errors import ExplorerError
from explorer.shared.messages import plain, plain_lines, short
from explorer.state import BrowserState

_MOST = 50  # notes that are listed
_SEARCH_FROM = 4  # notes
_SHOWN = 90  # characters of a note in the list


def token_note(state: BrowserState, branch: Branch, position: int) -> None:
    """The field below the selected token's table."""
    _field(state, branch, position, "Note on this token")


def chain_note(state: BrowserState, branch: Branch) -> None:
    """The note on the chain, below its answer; nothing without one."""
    tree = state.opened.session.tree
    note = "" if tree is None else tree.note(branch.id)
    if note:
        st.caption(f":material/edit_note: {plain_lines(note)}")


def notes_popover(state: BrowserState, branch: Branch) -> None:
    """The note on the chain on screen, and all notes of the session; a click shows the token."""
    listed = notes_of_session(state.opened.session)
    label = f"Notes ({len(listed)})" if listed else "Notes"
    with st.popover(
        label,
        icon=":material/edit_note:",
        help="Write a note on this chain; find all notes of this session",
        key="notes",
    ):
        _field(state, branch, None, f"Note on this chain ({branch.id})")
        if not listed:
            st.caption(
                "Notes are saved with the session, and shown in every page and text that you "
                "share. The field for a token is below its table."
            )
            return
        _list(state, listed)


def _list(state: BrowserState, listed: list[ListedNote]) -> None:
    query = ""
    if len(listed) >= _SEARCH_FROM:
        query = st.text_input("Find in all notes", placeholder="words, in any order")
    found = found_notes(listed, query)
    here = state.opened.session.current
    with st.container(key="note_list", gap="xxsmall"):
        for number, each in enumerate(found[:_MOST]):
            elsewhere = each.tree != here
            problem = f"{plain(each.problem.id)} · " if elsewhere else ""
            text = plain(short(" ".join(each.note.text.split()), _SHOWN))
            st.button(
                f"**{problem}{plain(each.place)}**  \n{text}",
                key=f"note {number} in the list",
                type="tertiary",
                width="stretch",
                disabled=elsewhere and state.opened.busy,
                on_click=_show,
                args=(state, each),
            )
    if not found:
        st.caption("No note has these words.")
    elif len(found) > _MOST:
        st.caption(f"The first {_MOST} of {len(found):,}: type words to find others.")


def _show(state: BrowserState, listed: ListedNote) -> None:
    """Show the chain and select the token that a note is on."""
    if state.opened.session.current != listed.tree:
        state.opened.open_problem(listed.problem)
        state.page_is_stale = True  # the problem is above what is drawn
        state.beside = None
    tree = state.opened.session.tree
    assert tree is not None
    try:
        tree.select(listed.branch.id)
    except ExplorerError as error:  # undone meanwhile
        state.opened.notice = error
        return
    if listed.note.position is not None:
        state.go_to(listed.note.position)


def _field(state: BrowserState, branch: Branch, position: int | None, label: str) -> None:
    tree = state.opened.session.tree
    assert tree is not None
    kept = tree.note(branch.id, position)
    key = f"note on {branch.id} {position}"
    last, now = f"{key}, as kept", (state.opened.id, state.opened.session.current, kept)
    # A text that was refused stays in the field; one that was changed elsewhere replaces it, and so
    # does that of another problem, whose branches have the same ids.
    if key not in st.session_state or st.session_state.get(last) != now:
        st.session_state[key], st.session_state[last] = kept, now
    st.text_area(
        label,
        key=key,
        max_chars=MAX_NOTE,
        height="content",
        placeholder="Write a note",
        label_visibility="visible" if position is None else "collapsed",
        on_change=_write,
        args=(state, tree, branch.id, position, key),
    )


def _write(state: BrowserState, tree: ForkTree, branch_id: str, at: int | None, key: str) -> None:
    text = st.session_state.get(key)
    if text is None:  # the field has left the screen
        return
    state.opened.notice = None
    try:
        state.opened.keep(lambda: tree.write_note(branch_id, text, at))
    except ExplorerError as error:
        state.opened.notice = error
