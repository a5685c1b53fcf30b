"""Mount the branch tree on a Streamlit page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

import streamlit as st

from core.components.assets import tree_script, tree_style
from core.components.tree_nodes import TreeNode
from explorer.components.once import once

_component = st.components.v2.component(
    "fork_explorer_branch_tree",
    css=tree_style(),
    js=tree_script(),
)


def branch_tree(
    nodes: Sequence[TreeNode],
    *,
    selected: str | None,
    key: str,
    on_select: Callable[[], None] | None = None,
    max_height: int = 300,
) -> str | None:
    """Draw the branches, parents before their children; return the id clicked last.

    The id clicked last persists until the next click, independently of `selected`, so act on it in
    `on_select`, with `read_branch_tree(key)`.
    """
    state = _component(
        key=key,
        data={
            "nodes": [asdict(node) for node in nodes],
            "selected": selected,
            "maxHeight": max_height,
        },
        on_selected_change=once(key, "selected", on_select),
    )
    clicked = _clicked(state)
    return clicked if clicked in {node.id for node in nodes} else None


def read_branch_tree(key: str) -> str | None:
    """The id clicked last, for use in the tree's callback."""
    return _clicked(st.session_state.get(key))


def _clicked(state: object) -> str | None:
    payload = state.get("selected") if isinstance(state, Mapping) else None
    clicked = payload.get("id") if isinstance(payload, Mapping) else None
    return clicked if isinstance(clicked, str) else None
