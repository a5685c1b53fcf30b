"""The continuation of one alternative, in grey below the chain."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core.chains.branch import Branch
from core.chains.tree import ForkTree
from core.records import Chain, StopReason
from explorer.explore.alternatives import Place, branch_of, outcome_of, place_in
from explorer.explore.forcing import force, same_model, wait
from explorer.shared.messages import VERDICT_SIGNS, plain, short, visible
from explorer.state import BrowserState
from explorer.work import TokenIds

_SHOWN = "alternative that is previewed"
_LONGEST = 220  # characters; the line has room for two lines of text


@dataclass(frozen=True)
class _Shown:
    tree: ForkTree
    branch: str
    position: int
    token_ids: TokenIds


def previewed(place: Place) -> TokenIds | None:
    """The tokens whose continuation is shown at this position; None if there are none."""
    shown: _Shown | None = st.session_state.get(_SHOWN)
    if shown is None or shown.tree is not place.tree:
        return None
    here = (shown.branch, shown.position) == (place.branch.id, place.position)
    return shown.token_ids if here and shown.token_ids != place.chosen else None


def preview(place: Place, token_ids: TokenIds) -> None:
    """Show where an alternative leads; it is continued if that isn't known yet."""
    state, opened = place.state, place.state.opened
    shown = _Shown(place.tree, place.branch.id, place.position, token_ids)
    st.session_state[_SHOWN] = shown
    known = outcome_of(place, token_ids)
    if (known is not None and known[1] is not None) or opened.busy:
        return
    if same_model(state, place.chain):
        opened.try_alternatives(
            opened.spec, place.branch, place.position, [token_ids], preview=True
        )
        wait(state)


def preview_line(state: BrowserState, tree: ForkTree, branch: Branch) -> None:
    """The previewed continuation, a button that makes it a branch, or what to do first."""
    position = tree.selection.position
    place = None if position is None else place_in(state, tree, branch, position)
    token_ids = None if place is None else previewed(place)
    with st.container(key="preview", horizontal=True, vertical_alignment="center", gap="small"):
        if place is None or token_ids is None:
            st.markdown(_HINT if position is not None else _FIRST)
            return
        known = outcome_of(place, token_ids)
        chain = None if known is None else known[1]
        st.markdown(_words(place, token_ids, chain), width="stretch")
        branch_known = branch_of(place, token_ids)
        st.button(
            "Make it a branch" if branch_known is None else "Go to branch",
            key="branch of the preview",
            icon=":material/fork_right:",
            disabled=chain is None,
            on_click=force,
            args=(state, branch, place.position, *token_ids),
        )


_FIRST = "Click a token to see what else the model could have written there."
_HINT = "Click a row of the table to see here where it leads; press Enter to make it a branch."


def _words(place: Place, token_ids: TokenIds, chain: Chain | None) -> str:
    """Markdown: the tokens, what follows them, and the answer."""
    state = place.state
    task = state.opened.task
    ending = ""
    if chain is not None:
        known = outcome_of(place, token_ids)
        assert known is not None
        outcome = known[0]
        sign = VERDICT_SIGNS[outcome.overruled or outcome.verdict]
        ending = f" → **{sign} {plain(short(outcome.answer or 'no answer', 30))}**"
    elif task is not None and state.opened.work.kind == "preview" and task.live is not None:
        chain = task.live.snapshot()
        ending = " …"
    if chain is None:
        return "Continuing this alternative …" if state.opened.busy else _HINT
    start, end = place.position, place.position + len(token_ids)
    forced = visible("".join(chain.tokens[start:end]))
    last = chain.answer_length - (chain.stop_reason is StopReason.EOS)
    rest = "".join(chain.tokens[end : max(last, end)]).strip()
    return f"**{plain(forced)}**: {plain(visible(short(rest, _LONGEST)))}{ending}"
