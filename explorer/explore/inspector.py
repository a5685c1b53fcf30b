"""The panel for the selected token: facts, the table of alternatives, any phrase, samples, note."""

from __future__ import annotations

import math

import numpy as np
import streamlit as st

from core.chains.branch import Branch
from core.chains.forks import fork_positions
from core.entropy import nats_to_bits
from core.models.architecture import why_recomputed
from core.records import Chain
from explorer.components.alternatives_table import (
    AlternativesTable,
    alternatives_table,
    read_alternatives_table,
)
from explorer.explore.alternatives import Place, place_in, probability_text, rows_of
from explorer.explore.forcing import force, load_model_of, same_model, wait
from explorer.explore.notes import token_note
from explorer.explore.phrase_field import phrase_field, typed_phrases
from explorer.explore.pivotality import sample_button, sampled_panel
from explorer.explore.preview import preview, previewed
from explorer.shared.messages import plain, token_label
from explorer.shared.model_chip import model_words
from explorer.state import BrowserState
from explorer.workbench import workbench

_TABLE = "alternatives_table"


def inspector(state: BrowserState, branch: Branch, position: int | None) -> None:
    """The panel beside the chain."""
    tree = state.opened.session.tree
    assert tree is not None
    chain = branch.chain
    with st.container(key="inspector_head", horizontal=True, vertical_alignment="center"):
        if position is None:
            st.markdown("**Select a token**")
        else:
            st.markdown(f"**\\#{position} {plain(token_label(chain, position))}**")
        _fork_buttons(state, chain, position)
    if position is None:
        st.caption(
            "An underlined token is a fork: the model was uncertain there. Click one to see its "
            "alternatives and where each of them leads."
        )
        return
    st.caption(_facts(state, branch, position))
    place = place_in(state, tree, branch, position)
    _table(place)
    if not same_model(state, chain):
        _other_model(state, chain)
        token_note(state, branch, position)
        return
    phrase_field(place)
    _buttons(place)
    sampled_panel(place)
    token_note(state, branch, position)
    _recomputed(state)


def _fork_buttons(state: BrowserState, chain: Chain, position: int | None) -> None:
    """To the fork before and the one after; without a selection, to the first."""
    forks = fork_positions(chain, state.tau)
    here = -1 if position is None else position
    before = forks[forks < here] if position is not None else np.array([], int)
    after = forks[forks > here]
    with st.container(key="fork_buttons", horizontal=True, gap="xxsmall", width="content"):
        st.button(
            "Previous fork",
            icon=":material/chevron_left:",
            disabled=not len(before),
            help="Previous fork (key p)",
            on_click=state.go_to,
            args=(int(before[-1]) if len(before) else 0,),
        )
        st.button(
            "Next fork",
            icon=":material/chevron_right:",
            icon_position="right",
            disabled=not len(after),
            help="Next fork (key n)",
            on_click=state.go_to,
            args=(int(after[0]) if len(after) else 0,),
        )


def _facts(state: BrowserState, branch: Branch, position: int) -> str:
    chain = branch.chain
    entropy = float(chain.entropy[position])
    shown = entropy if state.unit == "nats" else nats_to_bits(entropy)
    probability = probability_text(math.exp(float(chain.statistics.logprob[position])))
    words = "forced by you" if chain.forced[position] else "picked by the model"
    return (
        f"{shown:.2f} {state.unit} · rank {int(chain.statistics.rank[position]):,} · "
        f"{plain(probability)} · {words}"
    )


def _table(place: Place) -> None:
    state, chain = place.state, place.chain
    chain_id = f"{state.opened.id} {place.tree.problem.id} {place.branch.id}"
    usable = same_model(state, chain)
    why = (
        "The model is working: wait, or cancel it."
        if usable
        else "Load the model that made this chain first."
    )
    table = AlternativesTable(
        chain_id,
        place.position,
        rows_of(place, typed_phrases(place) if usable else {}),
        previewed=previewed(place),
        samples=chain.problem.answer is not None,
        why=why,
    )
    with st.container(key="alternatives"):
        alternatives_table(table, key=_TABLE, on_act=lambda: _act(place, chain_id))


def _act(place: Place, chain_id: str) -> None:
    act = read_alternatives_table(_TABLE)
    if act is None or (act.chain, act.position) != (chain_id, place.position):
        return
    if act.token_ids == place.chosen:
        return
    if act.what == "preview":
        preview(place, act.token_ids)
    else:
        force(place.state, place.branch, place.position, *act.token_ids)


def _buttons(place: Place) -> None:
    state, chain, position = place.state, place.chain, place.position
    ids = [(int(each),) for each in chain.statistics.top_ids[position]]
    words = {1: "one", 2: "two", 3: "three", 4: "four", 5: "five"}
    with st.container(key="table_buttons", horizontal=True, gap="small"):
        st.button(
            f"Try all {words.get(len(ids), len(ids))}",
            disabled=state.opened.busy,
            help="Continue every alternative in one batch, and show where each one leads",
            on_click=_try_all,
            args=(place, [each for each in ids if each != place.chosen]),
        )
        sample_button(place)


def _try_all(place: Place, alternatives: list[tuple[int, ...]]) -> None:
    opened = place.state.opened
    opened.try_alternatives(opened.spec, place.branch, place.position, alternatives)
    wait(place.state)


def _other_model(state: BrowserState, chain: Chain) -> None:
    st.info(
        f"This chain was made by {plain(model_words(chain.model, chain.adapter))}.",
        icon=":material/info:",
    )
    st.button(
        "Load that model",
        icon=":material/memory:",
        disabled=state.opened.busy,
        help="Needed to force tokens here; it becomes the model of this session",
        on_click=load_model_of,
        args=(state, chain),
    )


def _recomputed(state: BrowserState) -> None:
    lm = workbench().loaded(state.opened.spec)
    if lm is not None and (why := why_recomputed(lm.model)):
        st.caption(
            f"Branches of this model can't share a cache: {plain(why)}. Every chain is recomputed "
            "from the start at each token, which is slower but gives the same chains."
        )
