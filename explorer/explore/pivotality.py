"""Pivotality of the selected token: outcomes of continuations sampled after each alternative."""

from __future__ import annotations

import streamlit as st

from core.chains.forks import fork_positions
from core.chains.pivotality import AlternativeOutcomes, Pivotality, decisive
from core.chains.settings import PivotalitySettings
from core.chains.tree import Branch
from core.records import Chain
from explorer.explore.inspector import same_model, wait
from explorer.explore.measuring import start_pivotality
from explorer.shared.messages import p_value, plain, short, visible
from explorer.shared.setting_fields import SettingFields
from explorer.state import BrowserState


def pivotality_panel(state: BrowserState, branch: Branch, position: int) -> None:
    """Settings, buttons, and the result at this position."""
    if branch.chain.problem.answer is None:
        return
    tree = state.opened.session.tree
    measured = {} if tree is None else tree.findings(branch.id).pivotality
    found = measured.get(position)
    with st.expander(
        "How much does this token decide?", expanded=found is not None, key="pivotality"
    ):
        if found is None:
            st.caption(
                "Entropy shows how uncertain the model was, not whether the choice mattered. "
                "Sample continuations after each alternative, and count the correct ones."
            )
        else:
            _result(branch.chain, found, sure=position in decisive(measured.values()))
        _settings(state, branch, position)


def _result(chain: Chain, found: Pivotality, *, sure: bool) -> None:
    if sure:
        st.markdown(
            f"The choice at this token explains **{found.share_decided:.0%}** of whether the "
            "answer is correct."
        )
    else:
        st.markdown("**No measurable difference** between the alternatives.")
    for each in found.alternatives:
        estimate = each.p_correct
        text = plain(visible(chain.top_tokens[found.position][each.rank - 1]))
        st.progress(
            estimate.value,
            text=f"{text}: {each.correct} of {each.samples} correct, "
            f"{estimate.value:.0%} ({estimate.low:.0%} to {estimate.high:.0%})  \n"
            f":small[{_answers(each)}]",
        )
    st.caption(
        f"Share of the variance in correctness, with alternatives weighted by their probability; "
        f"95 % intervals in brackets. Temperature {found.sampler.temperature:g}; "
        f"test for equal shares: p {p_value(found.p_value)}."
    )


def _answers(each: AlternativeOutcomes) -> str:
    named = [
        f"{plain(short(answer, 16)) if answer else 'no answer'} ×{count}"
        for answer, count in each.answers[:3]
    ]
    more = len(each.answers) - len(named)
    return "answers " + ", ".join(named) + (f" and {more} more" if more > 0 else "")


def _settings(state: BrowserState, branch: Branch, position: int) -> None:
    left, right = st.columns(2)
    fields = _fields(state)
    fields.draw(left, "samples")
    fields.draw(right, "temperature", step=0.1)
    forks = fork_positions(branch.chain, state.tau).tolist()
    enabled = not state.opened.busy and same_model(state, branch.chain)
    st.button(
        "Measure this token",
        width="stretch",
        disabled=not enabled,
        on_click=_measure,
        args=(state, branch, [position]),
    )
    st.button(
        "Measure the only fork" if len(forks) == 1 else f"Measure all {len(forks)} forks",
        width="stretch",
        disabled=not enabled or not forks,
        help="Every token above the threshold; the chain can then be coloured by pivotality",
        on_click=_measure,
        args=(state, branch, forks),
    )


def _fields(state: BrowserState) -> SettingFields:
    return SettingFields(state.form, PivotalitySettings, "pivotality")


def _measure(state: BrowserState, branch: Branch, positions: list[int]) -> None:
    opened, fields = state.opened, _fields(state)
    samples, temperature = fields.current("samples"), fields.current("temperature")
    start_pivotality(opened, opened.spec, branch, positions, samples, temperature)
    wait(state)
