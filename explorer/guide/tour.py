"""Six steps on the first chain, for a new user; dismissed for good, reopened from the sidebar."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from explorer.navigation import ask_for
from explorer.state import BrowserState

_DISMISSED = "tour dismissed"  # in the form
_STEP = "tour step"  # in this tab; 0 while the tour is not shown


@dataclass(frozen=True)
class Step:
    """What a step says, and what it points at."""

    text: str
    at: str  # a CSS selector


STEPS: tuple[Step, ...] = (
    Step(
        "**An underlined word is a fork.** There the model hesitated between several words. The "
        "stronger the orange, the less certain it was.",
        ".st-key-chain_card",
    ),
    Step(
        "**Point at a word.** A card shows the five tokens that the model thought most probable "
        "there, and how probable each one was.",
        ".st-key-chain_card",
    ),
    Step(
        "**Click the underlined word.** Its alternatives appear beside the chain. Try them all: "
        "each one leads to an answer of its own.",
        ".st-key-inspector",
    ),
    Step(
        "**Force another token.** The chain continues from there as a new branch, sometimes to "
        "the correct answer. Every branch stays; Undo takes one back.",
        ".st-key-toolbar",
    ),
    Step(
        "**The curve shows the whole chain.** Peaks are forks. Move the threshold τ to say how "
        "uncertain the model has to be for a token to count as one.",
        ".st-key-threshold",
    ),
    Step(
        "**One chain is an anecdote.** The other pages do this for a whole problem set: change "
        "tokens, compare models, fine-tune, evaluate. Runs keeps the results.",
        '[data-testid="stSidebarNav"]',
    ),
)


def tour(state: BrowserState) -> None:
    """Draw the step that is on, above the chain; nothing once it is dismissed."""
    step = st.session_state.get(_STEP)
    if step is None:
        step = st.session_state[_STEP] = _first_step(state)
    if not 1 <= step <= len(STEPS):
        return
    shown = STEPS[step - 1]
    st.html(f"<style>{shown.at} {{ outline: 2px dashed #c2410c; outline-offset: 3px; }}</style>")
    last = step == len(STEPS)
    with st.container(
        border=True, key="tour", horizontal=True, vertical_alignment="center", gap="small"
    ):
        st.markdown(f":small[{step} of {len(STEPS)}:] {shown.text}", width="stretch")
        with st.container(horizontal=True, gap="small", width="content"):
            st.button(
                "Back",
                key="tour back",
                type="tertiary",
                disabled=step == 1,
                on_click=_go_to,
                args=(state, step - 1),
            )
            st.button(
                "Done" if last else "Next",
                key="tour next",
                on_click=_go_to,
                args=(state, 0 if last else step + 1),
            )
            st.button("Skip", key="tour skip", type="tertiary", on_click=_go_to, args=(state, 0))


def begin_tour(state: BrowserState) -> None:
    """Show the first step, on Explore; for a callback."""
    st.session_state[_STEP] = 1
    if state.page != "Explore":
        ask_for("explore", session=state.opened.id)


def _first_step(state: BrowserState) -> int:
    """1 for a new session, which has no chain but the first one."""
    trees = state.opened.session.trees.values()
    is_new = sum(len(tree.branches) for tree in trees) <= 1
    dismissed = state.form.value(_DISMISSED, False, lambda value: isinstance(value, bool))
    return 1 if is_new and not dismissed else 0


def _go_to(state: BrowserState, step: int) -> None:
    st.session_state[_STEP] = step
    if step == 0:
        state.form.keep(_DISMISSED, True)
