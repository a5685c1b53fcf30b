"""The verdict on a chain with its reason, and the user's own verdict."""

from __future__ import annotations

from functools import lru_cache

import streamlit as st

from core.answers import default_checker
from core.chains.branch import Branch
from core.errors import ExplorerError
from core.records import Explanation, Outcome, Verdict
from core.system.terminal_text import printable
from explorer.shared.messages import VERDICT_WORDS, plain, short
from explorer.state import BrowserState

_CHOICES = {"Automatic": None, "Correct": Verdict.CORRECT, "Wrong": Verdict.WRONG}
_LONGEST = 200  # characters of an answer in a tooltip


def verdict_reason(outcome: Outcome, gold: str | None) -> str | None:
    """Markdown for a tooltip: the answer and its place, how both were read, the rule that decided.

    Outcomes stored without an explanation get one now. None without a gold answer.
    """
    if gold is None:
        return None
    why = outcome.explanation or _explained(outcome.answer, gold)
    if why is None:
        return None
    found = "No answer found" if outcome.answer is None else f"Found {_quoted(outcome.answer)}"
    if why.place and outcome.explanation is not None:
        found += f", {plain(why.place)}"
    if why.tokens is not None:
        first, last = why.tokens
        found += f", token {first}" if first == last else f", tokens {first} to {last}"
    read = "not understood" if why.answer_form is None else _quoted(why.answer_form)
    meant = "not understood" if why.gold_form is None else _quoted(why.gold_form)
    lines = [found, f"Read as {read}", f"Correct answer {meant}", f"Decided by: {_shown(why.rule)}"]
    return "  \n".join(lines if outcome.answer is not None else (lines[0], *lines[2:]))


@lru_cache(maxsize=1_024)
def _explained(answer: str | None, gold: str) -> Explanation | None:
    try:
        return default_checker().explain(answer, gold)
    except ExplorerError:  # the worker doesn't start: show the verdict without a reason
        return None


def _quoted(text: str) -> str:
    return f"“{_shown(text)}”"


def _shown(text: str) -> str:
    return plain(printable(short(" ".join(text.split()), _LONGEST)))


def overrule(state: BrowserState, branch: Branch) -> None:
    """Let the user mark the answer correct or wrong; recorded as the user's own verdict."""
    now = branch.outcome.overruled
    key = f"verdict on {branch.id}, now {now}"  # includes the verdict, since undo changes it

    def choose() -> None:
        if key in st.session_state:
            verdict = _CHOICES[st.session_state[key]]
            state.opened.change(lambda tree: tree.overrule(branch.id, verdict))

    with st.popover(
        "Change verdict",
        type="tertiary",
        icon=":material/gavel:",
        disabled=state.opened.busy,
        help="Mark this answer correct or wrong",
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
        st.caption("Saved as your own verdict. Statistics still use the automatic check.")
