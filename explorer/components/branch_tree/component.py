"""Mount the branch tree on a Streamlit page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import streamlit as st

from explorer.components.assets import read_assets
from explorer.components.once import once

_FOLDER = Path(__file__).parent
_component = st.components.v2.component(
    "fork_explorer_branch_tree",
    css=read_assets(_FOLDER, "branch_tree.css"),
    js=read_assets(_FOLDER, "layout.js", "branch_tree.js"),
)

TreeVerdict = Literal["correct", "wrong", "unparseable", "timed_out", "no_gold"]


@dataclass(frozen=True)
class TreeNode:
    """A branch.

    Args:
        parent_id: the branch it was forced from; None for a root
        position: where it leaves its parent, counted from 0
        forced_token: the token forced there, in the one notation for tokens
        label: shown instead of a missing answer
        name: given by the user, shown after the answer
        length: tokens of the whole chain
        model: which model made it, where a tree has branches of several
    """

    id: str
    parent_id: str | None = None
    position: int | None = None
    forced_token: str = ""
    label: str = ""
    answer: str = ""
    verdict: TreeVerdict | None = None
    length: int = 0
    live: bool = False
    name: str = ""
    model: str = ""


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
