"""Samples of the selected token's alternatives: how much the choice among them decides."""

from __future__ import annotations

import streamlit as st

from core.chains.forks import fork_positions
from core.chains.pivotality import AlternativeOutcomes, Pivotality, decisive
from core.chains.settings import PivotalitySettings
from core.system.percent import percent, percent_span
from explorer.explore.alternatives import Place
from explorer.explore.forcing import same_model, wait
from explorer.explore.measuring import alternatives_of, cost, start_pivotality
from explorer.shared.folding import folded
from explorer.shared.messages import p_value, plain, short, visible
from explorer.shared.setting_fields import SettingFields
from explorer.state import BrowserState


def sample_button(place: Place) -> None:
    """Sample every alternative of this token; its cells fill as the samples end."""
    if place.chain.problem.answer is None:
        return
    state, chain = place.state, place.chain
    samples = _fields(state).current("samples")
    each = samples * alternatives_of(chain)
    st.button(
        f"Sample {samples} each",
        disabled=state.opened.busy or not same_model(state, chain),
        help=f"Sample {each} continuations and count the correct ones"
        + cost(state.opened, chain, [place.position], each),
        on_click=_measure,
        args=(place, [place.position]),
    )


def sampled_panel(place: Place) -> None:
    """What the samples say of this token, and their settings."""
    if place.chain.problem.answer is None:
        return
    found = place.measured
    with st.container(key="decides"):
        if found is None:
            st.caption(
                "Entropy shows how uncertain the model was; samples show whether it mattered."
            )
        else:
            st.markdown(_sentence(place, found))

    def draw() -> None:
        if found is not None:
            _details(place, found)
        _settings(place)

    folded("How much does this token decide?", "pivotality", draw)


def _sentence(place: Place, found: Pivotality) -> str:
    """Markdown: how much the choice decides, with the test's p."""
    test = f"permutation test: p {p_value(found.p_value)}"
    measured = place.tree.findings(place.branch.id).pivotality or {found.position: found}
    if found.position in decisive(measured.values()):
        share = percent(found.share_decided, 0)
        return (
            f"The choice at this token explains **{share}** of whether the answer is correct "
            f"({plain(test)})."
        )
    return f"{found.undecided} ({plain(test)})."


def _details(place: Place, found: Pivotality) -> None:
    for each in found.alternatives:
        text = plain(visible(place.chain.top_tokens[found.position][each.rank - 1]))
        share = each.p_correct
        st.markdown(
            f"**{text}**: {each.correct} of {each.samples} correct "
            f"({percent_span(share.low, share.high, 0)})  \n:small[{_answers(each)}]"
        )
    st.caption(
        "Share of the variation in correctness explained here; alternatives weighted by "
        f"probability. 95 % intervals in brackets. Temperature {found.sampler.temperature:g}."
    )


def _answers(each: AlternativeOutcomes) -> str:
    named = [
        f"{plain(short(answer, 16)) if answer else 'no answer'} ×{count}"
        for answer, count in each.answers[:3]
    ]
    more = len(each.answers) - len(named)
    return "answers " + ", ".join(named) + (f" and {more} more" if more > 0 else "")


def _settings(place: Place) -> None:
    state, chain = place.state, place.chain
    left, right = st.columns(2)
    fields = _fields(state)
    samples = fields.draw(left, "samples")
    fields.draw(right, "temperature", step=0.1)
    forks = fork_positions(chain, state.tau).tolist()
    each = samples * alternatives_of(chain)
    st.button(
        "Measure the only fork" if len(forks) == 1 else f"Measure all {len(forks)} forks",
        width="stretch",
        disabled=state.opened.busy or not same_model(state, chain) or not forks,
        help="Every token above the threshold; the chain can then be coloured by pivotality",
        on_click=_measure,
        args=(place, forks),
    )
    if forks:
        st.caption(
            f"{len(forks)} {'fork' if len(forks) == 1 else 'forks'} × {alternatives_of(chain)} "
            f"alternatives × {samples} samples = {len(forks) * each:,} continuations"
            f"{cost(state.opened, chain, forks, each)}"
        )


def _fields(state: BrowserState) -> SettingFields:
    return SettingFields(state.form, PivotalitySettings, "pivotality")


def _measure(place: Place, positions: list[int]) -> None:
    state, fields = place.state, _fields(place.state)
    samples, temperature = fields.current("samples"), fields.current("temperature")
    spec = state.opened.spec
    start_pivotality(state.opened, spec, place.branch, positions, samples, temperature)
    wait(state)
