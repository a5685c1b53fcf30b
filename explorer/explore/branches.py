"""The branches of the current problem: tree, undo, side by side, name, save and open."""

from __future__ import annotations

import streamlit as st

from core.chains.branch import Branch
from core.chains.session import Session
from core.chains.tree import ForkTree
from core.components.tree_nodes import ending_of, grown_nodes, tree_nodes
from core.errors import ExplorerError, SessionError
from core.export.of_chains import branch_handout, tree_handout
from explorer.components.branch_tree import branch_tree, read_branch_tree
from explorer.explore.growing import grown_from, start_opening
from explorer.explore.notes import notes_popover
from explorer.shared.messages import plain, short, token_label
from explorer.shared.share import share
from explorer.state import BrowserState

_TREE = "branch_tree"
_NONE = "(none)"


def branches_panel(state: BrowserState, tree: ForkTree) -> None:
    """The tree; a click selects a branch, or opens an ending that grew."""
    nodes = tree_nodes(tree)
    branch = tree.selected
    owner = None if branch is None else grown_from(tree, branch)
    growth = None if owner is None else tree.findings(owner.id).growth
    if owner is not None and growth is not None and growth.forks is not None:
        nodes += grown_nodes(tree, owner, growth.forks)
    branch_tree(
        nodes,
        selected=tree.selection.branch,
        key=_TREE,
        on_select=lambda: _on_select(state, tree),
    )


def toolbar(state: BrowserState, tree: ForkTree) -> None:
    """Undo, redo, side by side, rename, notes, share, save, open."""
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center", key="toolbar"):
        st.button(
            "Undo",
            icon=":material/undo:",
            disabled=not tree.can_undo or state.opened.busy,
            on_click=state.opened.change,
            args=(ForkTree.undo,),
        )
        st.button(
            "Redo",
            icon=":material/redo:",
            disabled=not tree.can_redo or state.opened.busy,
            on_click=state.opened.change,
            args=(ForkTree.redo,),
        )
        _side_by_side(state, tree)
        _rename(state, tree)
        if tree.selected is not None:
            notes_popover(state, tree.selected)
        _share(state, tree)
        save_and_open(state)


def _share(state: BrowserState, tree: ForkTree) -> None:
    branch = tree.selected
    if branch is None:
        return
    tau, unit = state.tau, state.unit
    handouts = {"This chain": lambda: branch_handout(tree, branch, tau, unit)}
    if len(tree.branches) > 1:
        handouts["Whole tree"] = lambda: tree_handout(tree, tau, unit)
    share(handouts, name="decision-forks", key="share", link=st.query_params.to_dict())


def save_and_open(state: BrowserState) -> None:
    """Save the session as one file, and open one."""
    st.download_button(
        "Save",
        state.opened.session.dumps,
        file_name="decision-forks.json",
        mime="application/json",
        icon=":material/download:",
        on_click="ignore",
        help="Save all problems and branches of this session as one file",
        disabled=not any(tree.branches for tree in state.opened.session.trees.values()),
    )
    with st.popover("Open file", icon=":material/folder_open:", help="Open a saved session"):
        st.file_uploader(
            "A session file",
            type=["json"],
            key="session_file",
            on_change=lambda: _open(state),
        )


def _open(state: BrowserState) -> None:
    file = st.session_state.get("session_file")
    if file is None:
        return
    try:
        session = Session.loads(file.getvalue())
        if session.tree is None:
            raise SessionError("This session has no chains in it.", "Open another file.")
    except ExplorerError as error:
        state.opened.notice = error
        return
    state.open_session(session)


def _side_by_side(state: BrowserState, tree: ForkTree) -> None:
    names = {each.id: _name(each) for each in tree.branches if each.id != tree.selection.branch}
    if not names:
        return
    key = f"beside {tree.selection.branch} of {len(names)}"
    options = [_NONE, *names]

    def choose() -> None:
        chosen = st.session_state.get(key, _NONE)
        state.beside = None if chosen == _NONE else chosen

    with st.popover("Side by side", icon=":material/compare:"):
        st.radio(
            "Compare with",
            options,
            index=options.index(state.beside) if state.beside in names else 0,
            format_func=lambda each: plain(names.get(each or _NONE, _NONE)),
            key=key,
            on_change=choose,
        )


def _rename(state: BrowserState, tree: ForkTree) -> None:
    branch = tree.selected
    if branch is None:
        return
    key = f"name of {branch.id}, now {branch.name}"  # includes the name, since undo changes it

    def rename() -> None:
        name = st.session_state.get(key, branch.name).strip()
        if name != branch.name:
            state.opened.change(lambda tree: tree.rename(branch.id, name))

    with st.popover("Name", icon=":material/edit:", help="Name this branch"):
        st.text_input("Name of this branch", branch.name, key=key, max_chars=60, on_change=rename)


def _name(branch: Branch) -> str:
    answer = branch.outcome.answer or "no answer"
    if branch.name:
        return f"{branch.name} ({answer})"
    if branch.position is None:
        return f"from the prompt ({short(answer, 20)})"
    token = token_label(branch.chain, branch.position)
    return f"#{branch.position} {token} ({short(answer, 20)})"


def _on_select(state: BrowserState, tree: ForkTree) -> None:
    clicked = read_branch_tree(_TREE)
    branches = {branch.id: branch for branch in tree.branches}
    if clicked in branches:
        tree.select(str(clicked), branches[str(clicked)].position)
        return
    grown = None if clicked is None else ending_of(clicked)
    if grown is not None and grown[0] in branches and not state.opened.busy:
        start_opening(state, tree, branches[grown[0]], grown[1])
