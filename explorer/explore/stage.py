"""Everything below Explore's problem bar: chain, token, branches, and the work on them.

Nothing is removed or moves while work runs: its results fill the cells of the token's table and the
marks of the chain, and its progress has a line of its own in the chain's card.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.chains.branch import Branch
from core.chains.tree import ForkTree
from explorer.components.steady import steady
from explorer.explore.aligned import aligned_panel
from explorer.explore.branches import branches_panel, save_and_open, toolbar
from explorer.explore.chain import (
    chain_beside,
    head_of_chain,
    head_of_live,
    head_of_other,
    live_chain,
    reopen_chain,
    selected_chain,
    threshold_and_forks,
)
from explorer.explore.fix import fix_button, fix_line, fix_panel
from explorer.explore.grow import grow_panel
from explorer.explore.inspector import inspector
from explorer.explore.preview import preview_line
from explorer.explore.work_line import work_line
from explorer.shared.messages import show_error
from explorer.shared.thresholds import MeasureOn
from explorer.state import BrowserState
from explorer.tasks import Task

STYLE = Path(__file__).parent / "stage.css"
"""Drawn with the page, not at every click."""
_LAYOUT = "layout of the chains"  # in this tab: whether two are side by side
_STEADY = (
    *("chain_card", "preview", "work_line", "inspector", "decides", "branches", "fix_panel"),
    *("grown", "aligned"),
)


def stage(state: BrowserState, measured_on: MeasureOn | None = None) -> None:
    """Everything below the problem bar.

    Args:
        measured_on: what the threshold is measured on, as `problem_bar` returns it.
    """
    if state.page_is_stale:
        state.page_is_stale = False
        st.rerun()
    steady(_STEADY, busy=state.opened.busy, key="steady")
    state.write_link()
    if state.opened.notice is not None:
        show_error(state.opened.notice)
    task = state.opened.task
    if task is not None and not task.running and task.error is not None:
        show_error(task.error)
    tree = state.opened.session.tree
    branch = None if tree is None else tree.selected
    if tree is None or branch is None:
        _empty(state, tree)
        return
    position = tree.selection.position
    other = next((b for b in tree.branches if b.id == state.beside and b is not branch), None)
    if st.session_state.get(_LAYOUT, False) != (other is not None):
        st.session_state[_LAYOUT] = other is not None
        reopen_chain()
    if other is not None:
        with st.container(border=True, key="chain_card"):
            _chain(state, tree, branch, measured_on, other)
        aligned_panel(state, branch, other)
    with st.container(key="stage"):
        chain_column, token_column = st.columns([3, 2], gap="medium")
    with token_column, st.container(border=True, key="inspector"):
        inspector(state, branch, position)  # first: it is what a click on a token asks for
    with chain_column:
        if other is None:
            with st.container(border=True, key="chain_card"):
                _chain(state, tree, branch, measured_on)
        threshold_and_forks(state, tree, branch, measured_on)
        with st.container(key="branches"):
            toolbar(state, tree)
            branches_panel(state, tree)
    fix_panel(state, branch)
    grow_panel(state, branch)


def _empty(state: BrowserState, tree: ForkTree | None) -> None:
    """A problem without chains, or with its first chain being made."""
    if state.opened.busy:
        # As wide as it will be: its lines don't break elsewhere when it is done.
        with st.container(key="stage"):
            chain_column, token_column = st.columns([3, 2], gap="medium")
        with token_column, st.container(border=True, key="inspector"):
            st.markdown("**Select a token**")
            st.caption("Once the chain is there: its alternatives, and where each of them leads.")
        with chain_column, st.container(border=True, key="chain_card"):
            live = _live(state, tree)
            if live is not None:
                head_of_live(state)
                live_chain(state, live)
            with st.container(key="work_line", horizontal=True, vertical_alignment="center"):
                work_line(state)
        return
    st.info(
        "No chain yet: press **Generate** to write one for this problem."
        if tree is not None
        else "Choose a problem and press **Generate**.",
        icon=":material/arrow_upward:",
    )
    if tree is not None and tree.can_redo:
        toolbar(state, tree)
    else:
        with st.container(horizontal=True):
            save_and_open(state)


def _chain(
    state: BrowserState,
    tree: ForkTree,
    branch: Branch,
    measured_on: MeasureOn | None,
    other: Branch | None = None,
) -> None:
    """The chain, or the one that is being made, with the previewed alternative and the progress.

    Args:
        other: a branch to show beside it.
    """
    live = _live(state, tree)
    head, body = st.container(), st.container()
    if other is not None:
        # All that stands above the chains is one row, so that they begin at the same height.
        with head, st.container(key="heads_side_by_side"):
            head, head_beside = st.columns(2, gap="medium")
        with body, st.container(key="chains_side_by_side"):
            body, body_beside = st.columns(2, gap="medium")
        with head_beside:
            head_of_other(state, other)
        with body_beside:
            chain_beside(state, branch, other)
    if live is not None:
        with head:
            head_of_live(state)
        with body:
            live_chain(state, live)
    else:
        with head:
            head_of_chain(state, branch)
        with body:
            selected_chain(state, branch, measured_on)
    preview_line(state, tree, branch)
    with st.container(key="work_line", horizontal=True, vertical_alignment="center"):
        fix_button(state, branch)
        if state.opened.busy:
            work_line(state)
        else:
            st.markdown(fix_line(state, branch), width="stretch")


def _live(state: BrowserState, tree: ForkTree | None) -> Task | None:
    """The work on a chain that belongs to the tree on screen, once it has tokens to show."""
    task, work = state.opened.task, state.opened.work
    if task is None or not task.running or work.kind != "chain" or work.tree is not tree:
        return None
    return task if task.live is not None else None
