"""Mount the table of alternatives on a Streamlit page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeGuard

import streamlit as st

from core.components.assets import read_assets

_FOLDER = Path(__file__).parent
_component = st.components.v2.component(
    "fork_explorer_alternatives_table",
    css=read_assets(_FOLDER, "alternatives_table.css"),
    js=read_assets(_FOLDER, "alternatives_table.js"),
)

Tone = Literal["", "correct", "wrong"]
_MOST_TOKENS = 1000  # of a phrase in a message


@dataclass(frozen=True)
class Cell:
    """What is known of an alternative so far.

    Args:
        sign: ✓, ✗, ? or –, so that colour is never the only cue
        busy: work on it is running
    """

    text: str = ""
    sign: str = ""
    tone: Tone = ""
    title: str = ""
    busy: bool = False


@dataclass(frozen=True)
class AlternativeRow:
    """An alternative, or a phrase that was typed.

    Args:
        token_ids: one, or those of a phrase
        rank: as text; empty for a phrase
        token: display text
        probability: as text
        bar: the same from 0 to 1
        leads: the answer that its continuation ends with
        sampled: how many of its samples are correct
        chosen: the chain on screen has it
        typed: a person typed it
        enabled: whether it can be previewed and made a branch now
        note: a second line below the token
    """

    token_ids: tuple[int, ...]
    rank: str
    token: str
    probability: str
    bar: float
    leads: Cell = Cell()
    sampled: Cell = Cell()
    chosen: bool = False
    typed: bool = False
    enabled: bool = True
    note: str = ""


@dataclass(frozen=True)
class AlternativesTable:
    """The rows of one position of a chain.

    Args:
        previewed: tokens of the row whose continuation is shown
        samples: whether there is a column for them
        why: said to those who choose a row that isn't enabled
    """

    chain_id: str
    position: int
    rows: Sequence[AlternativeRow]
    previewed: tuple[int, ...] | None = None
    samples: bool = True
    why: str = ""

    def message(self) -> dict[str, Any]:
        """For the browser."""
        return {
            "chain": self.chain_id,
            "position": self.position,
            "rows": [asdict(row) for row in self.rows],
            "previewed": None if self.previewed is None else " ".join(map(str, self.previewed)),
            "samples": self.samples,
            "why": self.why,
        }


@dataclass(frozen=True)
class RowAct:
    """A row that was chosen: to preview it, or to make it a branch."""

    chain: str
    position: int
    token_ids: tuple[int, ...]
    what: Literal["preview", "branch"]


def alternatives_table(
    table: AlternativesTable, *, key: str, on_act: Callable[[], None] | None = None
) -> None:
    """Draw the table. A click and a key are reported once: read them in `on_act`."""
    _component(key=key, data=table.message(), on_act_change=on_act or _nothing)


def read_alternatives_table(key: str) -> RowAct | None:
    """The row chosen, for use in the table's callback; None for a malformed message."""
    state = st.session_state.get(key)
    act: Any = state.get("act") if isinstance(state, Mapping) else None
    if not isinstance(act, Mapping):
        return None
    chain, position, ids, what = (act.get(n) for n in ("chain", "position", "tokenIds", "what"))
    if not isinstance(chain, str) or not _is_id(position) or not isinstance(ids, Sequence):
        return None
    whole = 0 < len(ids) <= _MOST_TOKENS and all(map(_is_id, ids))
    if not whole or what not in ("preview", "branch"):
        return None
    return RowAct(chain, position, tuple(ids), what)


def _is_id(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _nothing() -> None:
    """Callback that registers a trigger and does nothing."""
