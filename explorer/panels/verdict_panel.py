"""The verdict on a chain, and a person's own beside it."""

from __future__ import annotations

import streamlit as st

from core.records import Verdict
from core.tree import Branch
from explorer.panels.messages import VERDICT_WORDS
from explorer.state import BrowserState

_CHOICES = {"as checked": None, "right": Verdict.CORRECT, "wrong": Verdict.WRONG}


def overrule(state: BrowserState, branch: Branch) -> None:
    """Let a person say whether the answer is right; it is recorded as theirs."""
    now = branch.outcome.overruled
    key = f"verdict on {branch.id}, now {now}"  # an undo changes it behind the widget's back

    def choose() -> None:
        if key in st.session_state:
            verdict = _CHOICES[st.session_state[key]]
            state.opened.change(lambda tree: tree.overrule(branch.id, verdict))

    with st.popover(
        "Overrule",
        type="tertiary",
        icon=":material/gavel:",
        disabled=state.opened.busy,
        help="Say yourself whether the answer is right",
        key="overrule",
    ):
        st.radio(
            "Your verdict",
            list(_CHOICES),
            index=list(_CHOICES.values()).index(now),
            captions=[VERDICT_WORDS[branch.outcome.verdict], "", ""],
            key=key,
            on_change=choose,
        )
        st.caption("Kept with the chain as yours. Figures go on counting the checker's.")
