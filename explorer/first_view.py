"""What a browser sees of a server that has just started: a chain to read, and that it is loading.

Nothing here imports torch, transformers, pandas or plotly.
"""

from __future__ import annotations

import streamlit as st

from core.chains.glance import chain_at_a_glance
from core.errors import ExplorerError
from core.lessons.outline import STEPS, TITLE
from core.records import Chain, Outcome
from explorer.classroom.here import sessions_here
from explorer.components.token_heatmap import read_heatmap, token_heatmap
from explorer.engine import engine_is_loaded, engine_is_started, start_engine, start_engine_soon
from explorer.shared.chain_view import chain_view
from explorer.shared.messages import verdict_badge
from explorer.shared.polling import polled
from explorer.shared.problem_text import problem_text
from explorer.welcome import DEFAULT_TAU, FIRST_CLICK, WELCOME

_SESSION_ID = 12  # characters of an id, all of them letters and digits
_CHAIN, _HEATMAP = "first view", "first_heatmap"


def first_view(page: st.Page) -> None:
    """Draw it, and begin to load the engine once it is on screen."""
    with st.sidebar:
        st.markdown("#### Decision Fork Explorer")
    found = _chain() if page.title == "Explore" else None
    if found is not None:
        _show(*found)
    else:
        st.markdown(f"### {page.title}")
        if page.title == "Learn":
            _outline()
        st.caption("Opens as soon as the engine is loaded, in a few seconds.")
    with st.sidebar:
        _loading()


def _show(chain: Chain, outcome: Outcome | None) -> None:
    with st.container(key="first_view"):
        problem_text(chain.problem)
        chain_column, words = st.columns([3, 2], gap="medium")  # as in Explore
    with chain_column, st.container(border=True):
        if outcome is not None:
            st.markdown(f"{verdict_badge(outcome)} · {len(chain)} tokens")
        token_heatmap(
            chain_view(chain, _CHAIN, DEFAULT_TAU, "nats"),
            key=_HEATMAP,
            on_select=lambda: _keep_click(chain),
        )
    with words, st.container(border=True):
        st.markdown(
            "**A chain of thought, token by token.** The stronger a token's colour, the less "
            "certain the model was there; underlined ones are *forks*. Point at one to see what "
            "else the model could have written. In a few seconds you can click one and force it "
            "to write that."
        )


def _outline() -> None:
    """The steps of the lesson, to read while the engine is loading."""
    st.markdown(TITLE)
    st.markdown("\n".join(f"{n}. {each.title}" for n, each in enumerate(STEPS, 1)))


def _keep_click(chain: Chain) -> None:
    """Keep which token was clicked, for the page that follows."""
    position = read_heatmap(_HEATMAP).position(_CHAIN, len(chain))
    if position is not None:
        st.session_state[FIRST_CLICK] = (chain.token_ids, position)


def _loading() -> None:
    """The line about loading. The browser asks for it again once it has drawn the page: only then
    the imports begin, which hold up the drawing: the chain's own scripts have arrived by then."""
    drawn = False

    def draw() -> None:
        nonlocal drawn
        if drawn:
            start_engine()
        drawn = True
        st.caption("Loading the engine …")

    start_engine_soon()
    if not engine_is_started():
        polled(draw, lambda: not engine_is_started(), seconds=1.5)
    else:
        polled(draw, lambda: not engine_is_loaded(), seconds=1.0)


def _chain() -> tuple[Chain, Outcome | None] | None:
    """The chain of the session that the address names, else the welcome chain; None where it can't
    be read, which the page says once it is there."""
    wanted = str(st.query_params.get("session", ""))
    path = WELCOME
    if len(wanted) == _SESSION_ID and wanted.isascii() and wanted.isalnum():
        paths = [folder / f"{wanted}.json" for folder in sessions_here()]
        path = next((each for each in paths if each.is_file()), path)
    try:
        return chain_at_a_glance(path.read_bytes())
    except (OSError, ExplorerError):
        return None
