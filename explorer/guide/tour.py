"""Six steps on the first chain, for a new user; dismissed for good, reopened from the sidebar.

A step asks for an action, and the tour moves on once it was done, whether by a click, a key or a
button elsewhere. It stands at the bottom of the window, over the page, so that it moves nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import streamlit as st

from core.chains.tree import ForkTree
from explorer.components.kept_mark import is_marked, mark
from explorer.form import is_whole
from explorer.navigation import ask_for
from explorer.state import BrowserState

_STEP = "tour step"  # in the form; 0 once the tour is dismissed
_SEEN = "tour has seen"  # in this tab
TOUR_DONE = "fork-explorer-tour-done"
"""The mark of a browser in which it was dismissed, for sessions to come."""


@dataclass(frozen=True)
class _Seen:
    """What tells whether an action was done.

    Args:
        token: the selected one: the id of its branch, and its position.
        tried: continuations of alternatives that are known.
        branches: of all trees.
        searches: for a fix, finished.
        switches: from one page to another.
    """

    token: tuple[str, int] | None
    tried: int
    branches: int
    searches: int
    tau: float
    switches: int


@dataclass(frozen=True)
class Step:
    """What a step says, what it points at, and when it is done.

    Args:
        at: a CSS selector.
        done: from what was there when the step began, and what is there now.
    """

    text: str
    at: str
    done: Callable[[_Seen, _Seen], bool]


STEPS: tuple[Step, ...] = (
    Step(
        "**An underlined word is a fork:** there the model hesitated between several words. Point "
        "at it to see the five most probable ones, then **click it**.",
        ".st-key-chain_card",
        lambda before, now: now.token is not None and now.token != before.token,
    ),
    Step(
        "**Its alternatives are in the table** in the dashed frame. Click a row to see where it "
        "leads, or press **Try all five**: the column *leads to* fills with their answers.",
        ".st-key-inspector",
        lambda before, now: now.tried > before.tried or now.branches > before.branches,
    ),
    Step(
        "**Force another token:** click a row that leads to ✓ twice, or press Enter on it. The "
        "chain continues from there as a new branch in the tree.",
        ".st-key-inspector",
        lambda before, now: now.branches > before.branches,
    ),
    Step(
        "**Was it this token, or would any have done?** Go back to the first chain in the tree and "
        "press **Find the fix**: it forces tokens at forks, and as many at random positions.",
        ".st-key-work_line, .st-key-branches",
        lambda before, now: now.searches > before.searches,
    ),
    Step(
        "**The curve shows the whole chain;** its peaks are forks. **Move the threshold "
        "τ** to say how uncertain the model has to be for a token to count as one.",
        ".st-key-threshold",
        lambda before, now: now.tau != before.tau,
    ),
    Step(
        "**One chain is an anecdote.** The other pages do this for a whole problem set: change "
        "tokens, compare models, fine-tune, evaluate. **Open one**; *Learn* is a lesson.",
        '[data-testid="stSidebarNav"]',
        lambda before, now: now.switches > before.switches,
    ),
)


def tour(state: BrowserState) -> None:
    """Draw the step that is on, at the bottom of the window; nothing once it is dismissed. Belongs
    to the part of the page that a click in the chain draws again."""
    step = _moved_on(state, _step(state))
    if not step:
        if state.form.is_set(_STEP):
            mark(TOUR_DONE, key="tour_mark")
        return
    shown = STEPS[step - 1]
    last = step == len(STEPS)
    st.html(f"<style>{shown.at} {{ outline: 2px dashed #c2410c; outline-offset: 3px; }}</style>")
    with st.container(
        border=True, key="tour", horizontal=True, vertical_alignment="center", gap="small"
    ):
        st.markdown(f":small[{step} of {len(STEPS)}:] {shown.text}", width="stretch")
        with st.container(horizontal=True, gap="small", width="content", key="tour_buttons"):
            st.button(
                "Back",
                key="tour back",
                type="tertiary",
                disabled=step == 1,
                on_click=_go_to,
                args=(state, step - 1),
            )
            st.button(
                "Next" if not last else "Done",
                key="tour next",
                shortcut="t",
                on_click=_go_to,
                args=(state, 0 if last else step + 1),
            )
            st.button("Skip", key="tour skip", type="tertiary", on_click=_go_to, args=(state, 0))


def begin_tour(state: BrowserState) -> None:
    """Show the first step, on Explore; for a callback."""
    _go_to(state, 1)
    if state.page != "Explore":
        ask_for("explore", session=state.opened.id)


def _step(state: BrowserState) -> int:
    """The step that is on; the first one for a new session, which has no chain but the first one,
    in a browser that has not seen the tour."""
    is_new = sum(len(tree.branches) for tree in state.opened.session.trees.values()) <= 1
    first = 1 if is_new and not is_marked(TOUR_DONE) else 0
    return state.form.value(_STEP, first, lambda value: is_whole(value, 0, len(STEPS)))


def _moved_on(state: BrowserState, step: int) -> int:
    """The step after those whose action was done since the last draw. One key can be the action of
    several: a key forces a token without a look at the table."""
    now = _seen(state)
    # A token may have been clicked before the pages were there.
    before: _Seen = st.session_state.setdefault(_SEEN, replace(now, token=None))
    while step and STEPS[step - 1].done(before, now):
        step = 0 if step == len(STEPS) else step + 1
        state.form.keep(_STEP, step)
    st.session_state[_SEEN] = now
    return step


def _seen(state: BrowserState) -> _Seen:
    opened = state.opened
    trees: list[ForkTree] = list(opened.session.trees.values())
    chosen = None if opened.session.tree is None else opened.session.tree.selection
    token = None
    if chosen is not None and chosen.branch is not None and chosen.position is not None:
        token = chosen.branch, chosen.position
    return _Seen(
        token,
        opened.tried,
        sum(len(tree.branches) for tree in trees),
        sum(tree.findings(each.id).fix is not None for tree in trees for each in tree.branches),
        state.tau,
        state.switches,
    )


def _go_to(state: BrowserState, step: int) -> None:
    state.form.keep(_STEP, step)
