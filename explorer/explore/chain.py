"""The current chain: heatmap with its strip, side by side, threshold, fork table."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from core.chains.branch import Branch, first_difference
from core.chains.forks import fork_positions
from core.chains.tree import ForkTree
from core.components.chain_view import coloured_by_pivotality, with_parent
from core.components.words import chain_words
from core.entropy import NATS_PER_BIT
from core.records import Chain, Problem
from explorer.components.token_heatmap import HeatmapView, read_heatmap, reopen, token_heatmap
from explorer.explore.fix import fix_marks
from explorer.explore.forcing import force, same_model
from explorer.explore.notes import chain_note
from explorer.explore.thinking import thinking_panel
from explorer.form import follow
from explorer.shared.chain_view import chain_view
from explorer.shared.folding import folded
from explorer.shared.messages import plain, token_label, verdict_badge, visible
from explorer.shared.model_chip import model_chip
from explorer.shared.thresholds import MeasureOn, known_measurement, threshold_meaning
from explorer.shared.verdict import overrule, verdict_reason
from explorer.state import HIGHEST_TAU, BrowserState, Colour, Unit
from explorer.tasks import Task

_MAIN, _BESIDE = "heatmap", "heatmap_beside"
_UNITS: tuple[Unit, ...] = ("nats", "bits")
_COLOURS: tuple[Colour, ...] = ("entropy", "pivotality")


def live_chain(state: BrowserState, task: Task) -> None:
    """The chain that is being generated, token by token."""
    if task.live is None:
        st.caption(f"{task.label} …")
        return
    view = _view(state, task.live.snapshot(), f"live {id(task)}")
    token_heatmap(replace(view, live=True, strip=True), key="heatmap_live")


def head_of_live(state: BrowserState) -> None:
    """Above the chain that is being generated, in the place of its answer."""
    with st.container(key="headline"):
        words, _ = st.columns([3, 1], vertical_alignment="center", gap="small")
    words.markdown(f":gray-badge[being written] {model_chip(state.opened.spec)}")


def head_of_chain(state: BrowserState, branch: Branch) -> None:
    """Above the selected branch: answer, model, a change of the verdict, its note, parts."""
    with st.container(key="headline"):
        words, own = st.columns([3, 1], vertical_alignment="center", gap="small")
    words.markdown(_headline(branch), help=_reason(branch))
    with own:
        overrule(state, branch)
    chain_note(state, branch)
    thinking_panel(state, branch)


def selected_chain(
    state: BrowserState, branch: Branch, measured_on: MeasureOn | None = None
) -> None:
    """The selected branch; a click selects a token, keys 1 to 5 force an alternative.

    Args:
        measured_on: what the model's entropies are measured on, which scale the colours.
    """
    tree = state.opened.session.tree
    assert tree is not None
    measured = known_measurement(state, measured_on) if same_model(state, branch.chain) else None
    chain_id = _chain_id(state, branch)
    view = replace(
        chain_view(branch.chain, chain_id, state.tau, state.unit, measured),
        initial_selection=tree.selection.position,
        go_to=_go_to(state),
        fix_marks=fix_marks(state, branch),
        notes=tree.notes_on(branch.id),
        strip=True,
        page_keys=True,
    )
    view = with_parent(view, tree, branch)
    found = tree.findings(branch.id).pivotality
    if found and state.colour == "pivotality":
        view = coloured_by_pivotality(view, found.values())
    token_heatmap(
        view,
        key=_MAIN,
        on_select=lambda: _on_select(state, branch),
        on_force=lambda: _on_force(state, branch),
        on_threshold=lambda: _on_threshold(state),
        on_command=lambda: _on_command(state, tree),
    )


def reopen_chain() -> None:
    """Let the chain keep its selected token where its heatmap moves to another place."""
    reopen(_MAIN)


def head_of_other(state: BrowserState, other: Branch) -> None:
    """Above another branch beside the selected one: answer, model, a button that closes it."""
    with st.container(key="headline_beside"):
        words, close = st.columns([3, 1], vertical_alignment="center", gap="small")
    words.markdown(_headline(other), help=_reason(other))
    close.button(
        "Close",
        type="tertiary",
        icon=":material/close:",
        key="close_beside",
        help="Show one chain again",
        on_click=lambda: setattr(state, "beside", None),
    )


def chain_beside(state: BrowserState, branch: Branch, other: Branch) -> None:
    """Another branch, dimmed up to its first difference from the selected one."""
    difference = first_difference(branch.chain, other.chain)
    shared = len(other.chain) if difference is None else difference
    view = _view(state, other.chain, f"{_chain_id(state, other)} beside {branch.id}")
    tree = state.opened.session.tree
    notes = {} if tree is None else tree.notes_on(other.id)
    go_to = state.asked_beside
    if go_to is not None and go_to[1] >= len(other.chain):
        go_to = None
    view = replace(
        view, shared_prefix=shared, first_difference=difference, go_to=go_to, notes=notes
    )
    token_heatmap(view, key=_BESIDE)


def threshold_and_forks(
    state: BrowserState, tree: ForkTree, branch: Branch, measured_on: MeasureOn | None = None
) -> None:
    """The threshold's slider with its meaning, and a sortable table of forks."""
    chain, measured = branch.chain, bool(tree.findings(branch.id).pivotality)
    scale = 1.0 if state.unit == "nats" else 1 / NATS_PER_BIT
    with st.container(key="threshold"):
        controls, looks = st.columns([4, 5] if measured else [3, 1], vertical_alignment="bottom")
    tau_key = f"tau in {state.unit}"
    tau = round(state.tau * scale, 2)
    follow(tau_key, tau)
    controls.slider(
        f"Threshold τ ({state.unit}): a token above it is a fork",
        0.0,
        max(tau, highest_on_slider(chain, scale)),
        tau,
        step=0.01,
        key=tau_key,
        on_change=lambda: _set_tau(state, tau_key, scale),
    )
    # Beside each other, so that nothing moves when the second one comes.
    with looks, st.container(key="looks", horizontal=True, gap="small"):
        _unit_choice(state)
        if measured:
            _colour_choice(state)
    threshold_meaning(
        state,
        measured_on,
        "tau",
        state.tau,
        lambda nats: setattr(state, "tau", nats),
        highest=HIGHEST_TAU,
        whose="this model's" if same_model(state, chain) else f"{state.opened.spec.model}'s",
        shows_work=False,
    )
    _fork_table(state, chain, fork_positions(chain, state.tau), scale)


def highest_on_slider(chain: Chain, scale: float) -> float:
    """The chain's highest entropy, rounded up to what a slider in steps of .01 can show.

    Args:
        scale: units of the display per nat.
    """
    highest = float(chain.entropy.max(initial=0.0)) * scale
    return max(0.01, ceil(round(highest * 100, 6)) / 100)


# Streamlit calls a widget's callback without a value when the widget leaves the screen.


def _set_tau(state: BrowserState, key: str, scale: float) -> None:
    if key in st.session_state:
        state.tau = st.session_state[key] / scale


def _unit_choice(state: BrowserState) -> None:
    follow("unit", state.unit)
    st.segmented_control(
        "Unit",
        _UNITS,
        default=state.unit,
        key="unit",
        label_visibility="collapsed",
        required=True,
        on_change=lambda: _set_unit(state),
    )


def _colour_choice(state: BrowserState) -> None:
    def choose() -> None:
        state.colour = st.session_state.get("colour") or state.colour

    follow("colour", state.colour)
    st.segmented_control(
        "Colour by",
        _COLOURS,
        default=state.colour,
        key="colour",
        label_visibility="collapsed",
        required=True,
        on_change=choose,
    )


def _set_unit(state: BrowserState) -> None:
    state.unit = st.session_state.get("unit") or state.unit


def _fork_table(
    state: BrowserState, chain: Chain, positions: NDArray[np.intp], scale: float
) -> None:
    def draw() -> None:
        if not len(positions):
            st.caption("No token is above the threshold. Lower τ to see more.")
            return
        stats = chain.statistics
        rows = pd.DataFrame(
            {
                "position": positions,
                "token": [token_label(chain, i) for i in positions],
                f"entropy ({state.unit})": (chain.entropy[positions] * scale).round(3),
                "rank": stats.rank[positions],
                "probability": np.exp(stats.logprob[positions]),
                "most probable": [visible(chain.top_tokens[i][0]) for i in positions],
            }
        )
        st.dataframe(
            rows,
            hide_index=True,
            width="stretch",
            key="fork_table",
            on_select=lambda: _on_row(state, positions),
            selection_mode="single-row",
            column_config={"probability": st.column_config.NumberColumn(format="percent")},
        )

    folded(f"Forks ({len(positions)})", "forks", draw)


def _on_row(state: BrowserState, positions: NDArray[np.intp]) -> None:
    table = st.session_state.get("fork_table")
    chosen = table["selection"]["rows"] if table else []
    if chosen and chosen[0] < len(positions):
        state.go_to(int(positions[chosen[0]]))


def _view(state: BrowserState, chain: Chain, chain_id: str) -> HeatmapView:
    return chain_view(chain, chain_id, state.tau, state.unit)


def _chain_id(state: BrowserState, branch: Branch) -> str:
    return f"{state.opened.id} {_of(branch.chain.problem)} {branch.id}"


def _of(problem: Problem) -> str:
    return f"{problem.source}/{problem.id}"


def _go_to(state: BrowserState) -> tuple[int, int] | None:
    tree = state.opened.session.tree
    if tree is None or tree.selection.position is None or not state.asked_for:
        return None
    return state.asked_for, state.asked_position


def _reason(branch: Branch) -> str | None:
    return verdict_reason(branch.outcome, branch.chain.problem.answer)


def _headline(branch: Branch) -> str:
    chain = branch.chain
    parts = [f"{verdict_badge(branch.outcome)} {model_chip(chain)}"]
    if branch.position is not None:
        token = token_label(chain, branch.position)
        parts.append(f"forced #{branch.position} {plain(token)}")
    parts += chain_words(chain)
    name = f"**{plain(branch.name)}** · " if branch.name else ""
    return name + " · ".join(parts)


def _on_select(state: BrowserState, branch: Branch) -> None:
    position = read_heatmap(_MAIN).position(_chain_id(state, branch), len(branch.chain))
    tree = state.opened.session.tree
    if position is not None and tree is not None:
        tree.select(branch.id, position)


def _on_force(state: BrowserState, branch: Branch) -> None:
    wish = read_heatmap(_MAIN).force
    if wish is None or wish.chain != _chain_id(state, branch) or wish.i >= len(branch.chain):
        return
    top_ids = branch.chain.statistics.top_ids[wish.i]
    if wish.rank <= len(top_ids):
        force(state, branch, wish.i, int(top_ids[wish.rank - 1]))


def _on_threshold(state: BrowserState) -> None:
    moved = read_heatmap(_MAIN).threshold
    if moved is not None:
        state.tau = moved.tau


def _on_command(state: BrowserState, tree: ForkTree) -> None:
    command = read_heatmap(_MAIN).command
    if state.opened.busy:
        return
    if command == "undo" and tree.can_undo:
        state.opened.change(ForkTree.undo)
    elif command == "redo" and tree.can_redo:
        state.opened.change(ForkTree.redo)
