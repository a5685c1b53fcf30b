"""Step 1: sliders that weigh five tokens, their probabilities as bars, the entropy."""

from __future__ import annotations

import html
from functools import partial
from typing import get_args

import streamlit as st

from core.lessons.amounts import amount
from core.lessons.outline import Step
from core.lessons.toy import BEFORE, MOST, PRESETS, TOKENS, ToyCheck, shares, toy_entropy
from core.system.percent import percent
from explorer.form import follow
from explorer.learn.checking import verdict
from explorer.learn.progress import Progress, as_numbers
from explorer.shared.messages import plain
from explorer.state import BrowserState, Unit

_WEIGHTS = "weights"
_UNIT = "learn unit"


def toy_step(state: BrowserState, progress: Progress, step: Step) -> None:
    """Draw it."""
    weights = _weights(progress, step)
    sliders, picture = st.columns([1, 1], gap="large")
    with sliders:
        st.markdown(f"“{plain(BEFORE)} …”")
        with st.container(horizontal=True, gap="small"):
            for name, preset in PRESETS:
                st.button(
                    name,
                    key=f"learn preset {name}",
                    on_click=partial(progress.keep, step, [str(each) for each in preset], _WEIGHTS),
                )
        for number, token in enumerate(TOKENS):
            key = f"learn weight {number}"
            follow(key, weights[number])
            st.slider(
                token,
                0,
                MOST,
                weights[number],
                key=key,
                on_change=partial(_keep_weights, progress, step),
            )
    with picture:
        _bars(weights)
        nats = toy_entropy(weights)
        st.metric("Entropy", "no distribution" if nats is None else amount(nats, state.unit))
        _unit(state)
        _check(state, progress, step)


def _check(state: BrowserState, progress: Progress, step: Step) -> None:
    check = ToyCheck(state.unit)
    with st.container(border=True, key=f"learn_check_{step.key}"):
        st.markdown(f"**{plain(check.question)}**")
        st.button(
            "Check",
            key=f"learn check {step.key}",
            type="primary",
            on_click=lambda: progress.keep(step, [str(each) for each in _weights(progress, step)]),
        )
        given = as_numbers(progress.given(step))
        feedback = check.feedback(given) if given else None
        if feedback is not None:
            verdict(progress, step, feedback)


def _weights(progress: Progress, step: Step) -> list[int]:
    kept = as_numbers(progress.given(step, _WEIGHTS)) or []
    fits = len(kept) == len(TOKENS) and all(0 <= each <= MOST for each in kept)
    return kept if fits else list(PRESETS[0][1])


def _keep_weights(progress: Progress, step: Step) -> None:
    before = _weights(progress, step)
    now = [st.session_state.get(f"learn weight {n}", each) for n, each in enumerate(before)]
    progress.keep(step, [str(each) for each in now], _WEIGHTS)


def _bars(weights: list[int]) -> None:
    rows = "".join(
        f'<div class="toy-row"><span>{html.escape(token)}</span><span class="toy-track">'
        f'<span class="toy-bar" style="width:{100 * share:.1f}%"></span></span>'
        f"<span>{percent(share)}</span></div>"
        for token, share in zip(TOKENS, shares(weights), strict=True)
    )
    st.html(f'<div class="toy">{rows}</div>')


def _unit(state: BrowserState) -> None:
    def choose() -> None:
        chosen = st.session_state.get(_UNIT)
        if chosen is not None:
            state.unit = chosen

    follow(_UNIT, state.unit)
    st.segmented_control(
        "Unit", get_args(Unit), default=state.unit, key=_UNIT, required=True, on_change=choose
    )
