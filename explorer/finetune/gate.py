"""Step 2 of a fine-tune: the gate that decides which tokens are learned from."""

from __future__ import annotations

from math import ceil

import numpy as np
import streamlit as st

from core.entropy import NATS_PER_BIT
from core.errors import ExplorerError
from core.reasonmaxxer.recipe import Recipe
from core.reasonmaxxer.selection import SelectionReport, select_examples
from core.reasonmaxxer.settings import GATES, THRESHOLD, GateSettings
from core.runs.run import Run
from explorer.finetune.charts import entropy_histogram, pass_rate_chart
from explorer.finetune.example_rollouts import example_rollouts
from explorer.finetune.rollouts import Rollouts, measured_in, rollouts_of, share_above
from explorer.form import follow, is_real
from explorer.shared import drawing
from explorer.shared.figures import percent, percent_range
from explorer.shared.messages import show_error, teaching_notice
from explorer.shared.thresholds import share_buttons
from explorer.state import BrowserState, Unit

_LEAST_TOP = 2.0  # of the slider and the chart, in the unit on screen
_UNITS: tuple[Unit, ...] = ("nats", "bits")


def gate_panel(state: BrowserState, run: Run, recipe: Recipe) -> GateSettings | None:
    """Show a run's rollouts and a gate on them; returns the chosen gate, None while it leaves
    nothing to learn from.

    Args:
        state: of the session.
        run: whose rollouts are shown.
        recipe: its gate is the first one, its selection is applied to the rollouts.
    """
    try:
        rollouts = rollouts_of(run)
        expected = len(run.problems())
    except ExplorerError as error:
        show_error(error)
        return None
    if not rollouts.records:
        st.caption("No rollouts yet. They appear here while they are sampled.")
        return None
    complete = len(rollouts.records) == expected
    _pass_rates(rollouts, expected)
    top = _top(state, rollouts, recipe)
    gate = recipe.gate.model_copy(update={"tau": _threshold(state, run, recipe, top)})
    if complete and rollouts.tokens:
        _shares(state, run, rollouts, gate)
    _histogram(state, run, rollouts, gate, top)
    try:
        selection = select_examples(rollouts.records, recipe.selection, gate, recipe.seed)
    except ExplorerError as error:
        if complete:
            show_error(error)
        found = None
    else:
        found = selection.report
        _learned(found, recipe, gate)
    example_rollouts(state, run, rollouts, gate, recipe.seed)
    teaching_notice(str(run.config.model.get("model", "")))
    return gate if complete and found is not None else None


def _pass_rates(rollouts: Rollouts, expected: int) -> None:
    rates = rollouts.pass_rates
    mixed = len(rollouts.mixed)
    always = sum(rate == 1 for rate in rates)
    so_far = "" if len(rates) == expected else f" so far (of {expected:,})"
    with st.container(key="tuning_pass_rates"):
        words, chart = st.columns([1, 2], vertical_alignment="center")
    words.markdown(
        f"**{len(rates):,} problems{so_far}, {_each(rollouts)}**  \n"
        f"**{mixed:,}** have correct and wrong rollouts: these are learned from.  \n"
        f"{always:,} always correct, {len(rates) - mixed - always:,} always wrong: nothing in them "
        "says which decision mattered."
    )
    with chart:
        drawing.chart(
            pass_rate_chart(rates),
            "pass rates",
            alt="problems by their share of correct rollouts: "
            f"{len(rates) - mixed - always:,} have none, {mixed:,} some, {always:,} all",
        )


def _each(rollouts: Rollouts) -> str:
    counts = sorted({record.n for record in rollouts.records})
    return f"{counts[0]}{f' to {counts[-1]}' * (len(counts) > 1)} rollouts each"


def _top(state: BrowserState, rollouts: Rollouts, recipe: Recipe) -> float:
    """Upper end of slider and chart, in the unit on screen: above every entropy."""
    highest = max(float(each.max(initial=0.0)) for each in rollouts.entropies)
    return max(_LEAST_TOP, ceil(2 * max(highest, recipe.gate.tau) * _scale(state) + 0.1) / 2)


def _threshold(state: BrowserState, run: Run, recipe: Recipe, top: float) -> float:
    """The slider's tau in nats; it starts at the recipe's."""
    place = _place(run)
    scale = _scale(state)
    tau = state.form.value(place, recipe.gate.tau, lambda v: is_real(v, 0, top / scale))
    key = f"{place} in {state.unit} to {top:g}"

    # Streamlit calls a callback, without a value, when its widget leaves the screen.
    def set_tau() -> None:
        if key in st.session_state:
            state.form.keep(place, st.session_state[key] / scale)

    def set_unit() -> None:
        state.unit = st.session_state.get("gate unit") or state.unit

    with st.container(key="tuning_threshold"):
        slider, unit = st.columns([4, 1], vertical_alignment="bottom")
    shown = min(round(tau * scale, 2), top)
    follow(key, shown)
    slider.slider(
        f"Threshold τ ({state.unit}): a token above it is a decision point",
        0.0,
        top,
        shown,
        step=0.01,
        key=key,
        on_change=set_tau,
        disabled=GATES[recipe.gate.kind].share_by != "tau",
    )
    follow("gate unit", state.unit)
    unit.segmented_control(
        "Unit of entropy",
        _UNITS,
        default=state.unit,
        key="gate unit",
        label_visibility="collapsed",
        required=True,
        on_change=set_unit,
    )
    return tau


def _shares(state: BrowserState, run: Run, rollouts: Rollouts, gate: GateSettings) -> None:
    """Thresholds to choose from: shares of the rollouts' tokens."""
    try:
        measured = measured_in(run, rollouts)
    except ExplorerError:  # of the run's model, which the examples below say
        return
    share_buttons(
        state,
        measured,
        _place(run),
        gate.tau,
        lambda nats: state.form.keep(_place(run), nats),
        disabled=GATES[gate.kind].share_by != "tau",
    )


def _place(run: Run) -> str:
    """The key of the slider's tau in the form."""
    return f"tau of {run.id}"


def _histogram(
    state: BrowserState, run: Run, rollouts: Rollouts, gate: GateSettings, top: float
) -> None:
    share = share_above(run, rollouts, gate.tau)
    drawing.chart(
        entropy_histogram(np.concatenate(rollouts.entropies), gate.tau, state.unit, top),
        "entropies",
        alt=f"entropies of the sampled tokens; {percent(share.value)} are above the threshold",
    )
    st.markdown(
        f"**{percent(share.value)}** of {rollouts.tokens:,} sampled tokens are above τ = "
        f"{gate.tau * _scale(state):.2f} {state.unit} "
        f"(95 % interval over {share.n:,} problems: {percent_range(share)})."
    )


def _learned(report: SelectionReport, recipe: Recipe, gate: GateSettings) -> None:
    dropped = [
        f"{count:,} {what}"
        for count, what in (
            (report.dropped_truncated, "truncated ones are dropped"),
            (report.dropped_longest, "of the longest are dropped"),
        )
        if count
    ]
    ablations = [
        ablation
        for on, ablation in (
            (recipe.selection.positive_only, "positive only"),
            (recipe.selection.shuffle_advantages, "advantages shuffled"),
            (gate.kind != THRESHOLD, f"gate: {gate.kind}"),
        )
        if on
    ]
    st.markdown(
        f"Learned from: **{report.right:,} correct** and **{report.wrong:,} wrong** rollouts of "
        f"{len(report.problems):,} problems, pushed at **{report.decisions:,}** of their "
        f"{report.tokens:,} tokens ({percent(report.gated_share)})"
        + "".join(f"; {each}" for each in dropped)
        + (f". Ablation: {', '.join(ablations)}." if ablations else ".")
    )


def _scale(state: BrowserState) -> float:
    return 1.0 if state.unit == "nats" else 1 / NATS_PER_BIT
