"""Mount the grid of attempts on a Streamlit page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import streamlit as st

from core.components.assets import read_assets

_FOLDER = Path(__file__).parent
_component = st.components.v2.component(
    "fork_explorer_attempt_grid",
    css=read_assets(_FOLDER, "attempt_grid.css"),
    js=read_assets(_FOLDER, "attempt_grid.js"),
)

Tone = Literal["correct", "wrong", "other"]


@dataclass(frozen=True)
class GridCell:
    """A forced token and its outcome; the chain's own token has none.

    Args:
        token: display text
        sign: ✓, ✗, ? or –, so that colour is never the only cue
        turned: the verdict differs from the chain's own
        pending: it is being tried
    """

    token_id: int
    rank: int
    token: str
    answer: str = ""
    sign: str = ""
    tone: Tone = "other"
    turned: bool = False
    chosen: bool = False
    pending: bool = False


@dataclass(frozen=True)
class GridRow:
    """A position: the chain's token, its entropy as text, and a cell per alternative."""

    position: int
    token: str
    entropy: str
    cells: Sequence[GridCell]


@dataclass(frozen=True)
class GridTable:
    """Rows with a title and a summary."""

    title: str
    summary: str
    rows: Sequence[GridRow]


@dataclass(frozen=True)
class OpenAttempt:
    """A request to open an attempt as a branch."""

    chain: str
    position: int
    token_id: int


def attempt_grid(
    tables: Sequence[GridTable],
    *,
    chain_id: str,
    key: str,
    enabled: bool = True,
    on_open: Callable[[], None] | None = None,
) -> None:
    """Draw the tables side by side. A click is reported once: read it in `on_open`."""
    _component(
        key=key,
        data={
            "chain": chain_id,
            "tables": [asdict(table) for table in tables],
            "enabled": enabled,
        },
        on_open_change=on_open or _nothing,
    )


def read_attempt_grid(key: str) -> OpenAttempt | None:
    """The attempt clicked, for use in the grid's callback; None for a malformed message."""
    state = st.session_state.get(key)
    wish: Any = state.get("open") if isinstance(state, Mapping) else None
    if not isinstance(wish, Mapping):
        return None
    chain, position, token_id = (wish.get(name) for name in ("chain", "position", "tokenId"))
    numbers = all(
        isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in (position, token_id)
    )
    if not isinstance(chain, str) or not numbers:
        return None
    assert isinstance(position, int)
    assert isinstance(token_id, int)
    return OpenAttempt(chain, position, token_id)


def _nothing() -> None:
    """Callback that registers a trigger and does nothing."""
