"""Steps 2 and 3: a heatmap to read, and a chain without colours whose fork is guessed."""

from __future__ import annotations

import streamlit as st

from core.components.chain_view import bare_view
from core.lessons.chains import Ending, JudgedChain
from core.lessons.checks import TokenCheck
from core.lessons.outline import Step
from explorer.components.token_heatmap import HeatmapView, read_heatmap, token_heatmap
from explorer.learn.checking import given_token, verdict
from explorer.learn.progress import Progress, as_numbers
from explorer.shared.chain_view import chain_view
from explorer.shared.messages import plain, verdict_badge
from explorer.shared.problem_text import problem_text
from explorer.state import BrowserState

_REVEALED = "revealed"


def reading_step(
    state: BrowserState, progress: Progress, step: Step, judged: JudgedChain, check: TokenCheck
) -> None:
    """Draw the chain with its colours; a click answers."""
    chain = judged.chain
    problem_text(chain.problem)
    with st.container(border=True, key="learn_chain"):
        head(progress, judged)
        _heatmap(progress, step, chain_view(chain, _id(step, judged), check.tau, state.unit))
    _question(progress, step, check)


def guess_step(
    state: BrowserState, progress: Progress, step: Step, judged: JudgedChain, check: TokenCheck
) -> None:
    """Draw the chain without colours until its forks are guessed or shown."""
    chain = judged.chain
    position = _position(progress, step)
    feedback = None if position is None else check.feedback(position)
    correct = feedback is not None and feedback.correct and not progress.verdicts_hidden
    revealed = correct or progress.given(step, _REVEALED) == ["yes"]
    problem_text(chain.problem)
    with st.container(border=True, key="learn_chain"):
        head(progress, judged)
        if revealed:
            view = chain_view(chain, f"{_id(step, judged)} shown", check.tau, state.unit)
        else:
            view = bare_view(chain, _id(step, judged))
        _heatmap(progress, step, view)
    _question(progress, step, check)
    row = st.container(horizontal=True)
    if revealed:
        forks = ", ".join(f"#{each}" for each in sorted(check.accepted))
        row.caption(f"Forks of this chain: {forks}.", width="stretch")
        row.button(
            "Hide them again",
            key="learn hide forks",
            type="tertiary",
            on_click=_hide,
            args=(progress, step),
        )
    else:
        row.button(
            "Show the forks",
            key="learn show forks",
            icon=":material/visibility:",
            on_click=lambda: progress.keep(step, ["yes"], _REVEALED),
        )


def _hide(progress: Progress, step: Step) -> None:
    progress.forget(step, _REVEALED)
    progress.forget(step)


def head(progress: Progress, judged: JudgedChain | Ending) -> None:
    """Above a chain: its verdict, unless it is hidden from a class, and its length."""
    badge = "" if progress.verdicts_hidden else f"{verdict_badge(judged.outcome)} · "
    st.markdown(f"{badge}{len(judged.chain)} tokens")


def _heatmap(progress: Progress, step: Step, view: HeatmapView) -> None:
    key = f"learn_heatmap_{step.key}"
    chain_id, size = view.chain_id, len(view)
    token_heatmap(
        view.with_selection(_position(progress, step)),
        key=key,
        on_select=lambda: given_token(
            progress, step, lambda: read_heatmap(key).position(chain_id, size)
        ),
    )


def _question(progress: Progress, step: Step, check: TokenCheck) -> None:
    with st.container(border=True, key=f"learn_check_{step.key}"):
        st.markdown(f"**{plain(check.question)}** Click it in the chain.")
        position = _position(progress, step)
        feedback = None if position is None else check.feedback(position)
        if feedback is not None:
            verdict(progress, step, feedback)


def _position(progress: Progress, step: Step) -> int | None:
    numbers = as_numbers(progress.given(step))
    return numbers[0] if numbers else None


def _id(step: Step, judged: JudgedChain) -> str:
    return f"learn {step.key} {judged.chain.model} {judged.chain.problem.id}"
