"""Everything below Explore's problem bar: chain, token, branches, or the work on them."""

from __future__ import annotations

import streamlit as st

from explorer.explore.branches import branches_panel, save_and_open, toolbar
from explorer.explore.chain import (
    chain_beside,
    live_chain,
    selected_chain,
    threshold_and_forks,
)
from explorer.explore.fix import fix_button, fix_panel
from explorer.explore.inspector import inspector
from explorer.explore.pivotality import pivotality_panel
from explorer.shared.messages import show_error
from explorer.shared.thresholds import MeasureOn
from explorer.state import BrowserState


def stage(state: BrowserState, measured_on: MeasureOn | None = None) -> None:
    """Everything below the problem bar.

    Args:
        measured_on: what the threshold is measured on, as `problem_bar` returns it.
    """
    if state.page_is_stale:
        state.page_is_stale = False
        st.rerun()
    state.write_link()
    if state.opened.notice is not None:
        show_error(state.opened.notice)
    task = state.opened.task
    if task is not None:
        if task.running:
            _working(state)
            return
        if task.error is not None:
            show_error(task.error)
    tree = state.opened.session.tree
    branch = None if tree is None else tree.selected
    if tree is None or branch is None:
        st.info("Choose a problem and press **Generate**.", icon=":material/arrow_upward:")
        if tree is not None and tree.can_redo:
            toolbar(state, tree)
        else:
            save_and_open(state)
        return
    position = tree.selection.position
    other = next((b for b in tree.branches if b.id == state.beside and b is not branch), None)
    if other is not None:
        left, right = st.columns(2, gap="small")
        with left, st.container(border=True):
            selected_chain(state, branch, measured_on)
        with right, st.container(border=True):
            chain_beside(state, branch, other)
    with st.container(key="stage"):
        chain_column, token_column = st.columns([2, 1], gap="medium")
    with token_column, st.container(border=True, key="inspector"):
        inspector(state, branch, position)
        fix_button(state, branch)
        if position is not None:
            pivotality_panel(state, branch, position)
    with chain_column:
        if other is None:
            with st.container(border=True, key="chain_card"):
                selected_chain(state, branch, measured_on)
        toolbar(state, tree)
        fix_panel(state, branch)
        branches_panel(state, tree)
        threshold_and_forks(state, branch.chain, measured_on)


def _working(state: BrowserState) -> None:
    task = state.opened.task
    assert task is not None
    status, cancel = st.columns([5, 1], vertical_alignment="center")
    with status:
        st.progress(task.share_done, text=task.progress)
    cancel.button("Cancel", on_click=state.opened.cancel, width="stretch", key="cancel")
    tree = state.opened.session.tree
    with st.container(border=True):
        if task.live is None and tree is not None and tree.selected is not None:
            selected_chain(state, tree.selected)  # it is being worked on, so it stays in view
        else:
            live_chain(state, task)
