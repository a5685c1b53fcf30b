"""Beside a threshold: which share of the model's tokens is above it, and shares to choose from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any

import streamlit as st

from core.chains.prompting import RunPromptSettings
from core.entropy import NATS_PER_BIT
from core.errors import ExplorerError, FileError
from core.models.language_model import LanguageModel
from core.records import Problem
from core.runs.config import RunPlan
from core.runs.settings import checked_settings
from core.statistics import Estimate
from core.thresholds.measurement import (
    EntropyMeasurement,
    MeasuredOn,
    measure_entropies,
    measured_on,
    origins,
)
from core.thresholds.settings import ThresholdSettings
from core.thresholds.store import keep_measurement, kept_measurement, measurement_path
from explorer.shared.figures import changed_at, percent, percent_range
from explorer.shared.messages import plain, show_error
from explorer.shared.polling import polled
from explorer.shared.setting_fields import SettingFields
from explorer.state import BrowserState
from explorer.tasks import Task
from explorer.workbench import workbench

_SHARED = {"max_new_tokens", *RunPromptSettings.model_fields}
_TASK = "measurement of entropies"  # in this tab: the task


@dataclass(frozen=True)
class MeasureOn:
    """What a threshold is measured on: problems, and the prompt and sampler of the form."""

    problem_set: str
    problems: Sequence[Problem]
    settings: ThresholdSettings


def threshold_meaning(
    state: BrowserState,
    asked: MeasureOn | None,
    key: str,
    tau: float,
    choose: Callable[[float], None],
    *,
    highest: float = inf,
    whose: str = "this model's",
    shows_work: bool = True,
) -> None:
    """Say what a threshold means for the chosen model; offer shares, or a button to measure them.

    Args:
        asked: None where the form can't be used.
        key: begins the keys of the buttons.
        tau: the threshold, nats.
        choose: called with the nats of the share that a person chooses.
        highest: threshold that the page takes, nats.
        whose: tokens these are.
        shows_work: whether the progress and faults of measuring are shown here; Explore shows those
            of all work itself.
    """
    task: Task | None = st.session_state.get(_TASK)
    if shows_work and task is not None and task is state.opened.task:
        if task.running:
            polled(lambda: _progress(state, task), lambda: task.running, seconds=0.5)
            return
        if task.error is not None:
            show_error(task.error)
    if asked is None or not asked.problems:
        return
    lm = workbench().loaded(state.opened.spec)
    measured = None
    try:
        measured = None if lm is None else _kept(lm, asked)
    except ExplorerError as error:
        show_error(error)
    if measured is None:
        _offer_to_measure(state, asked, key)
        return
    share_buttons(state, measured, key, tau, choose, highest=highest)
    share = _share_above(measured.on.key, tau, measured)
    st.caption(
        f"τ = {in_unit(tau, state)}: top {percent(share.value)} of {plain(whose)} tokens on "
        f"{plain(asked.problem_set)} (n = {measured.tokens:,} tokens of {measured.problems} "
        f"chains; 95 % interval {percent_range(share)})"
    )


def known_measurement(state: BrowserState, asked: MeasureOn | None) -> EntropyMeasurement | None:
    """The measurement of the chosen model's entropies; None if none was made, or none that can be
    read."""
    lm = workbench().loaded(state.opened.spec)
    if lm is None or asked is None or not asked.problems:
        return None
    try:
        return _kept(lm, asked)
    except ExplorerError:  # said below the threshold
        return None


def share_buttons(
    state: BrowserState,
    measured: EntropyMeasurement,
    key: str,
    tau: float,
    choose: Callable[[float], None],
    *,
    highest: float = inf,
    disabled: bool = False,
) -> None:
    """Buttons that set a threshold to the one of a share of the tokens.

    Args:
        measured: the entropies of the tokens.
        key, tau, choose, highest: as of `threshold_meaning`.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for each in measured.offered:
            nats = each.tau.value
            st.button(
                f"top {100 * each.share:.0f} % · {_amount(nats, state)}",
                key=f"{key} top {100 * each.share:.0f}",
                type="primary" if nats == tau else "secondary",
                help=f"Set τ to {in_unit(nats, state)}: {100 * each.share:.0f} % of this model's "
                f"tokens are above it; {_interval(each.tau, state)}",
                on_click=choose,
                args=(nats,),
                disabled=disabled or nats > highest,
            )


def with_origin(
    state: BrowserState, plan: RunPlan, name: str, tau: float, asked: MeasureOn | None
) -> RunPlan:
    """A plan that says which share a threshold stands for, if it is exactly one that is offered.

    Args:
        plan: of a run.
        name: of the threshold among its settings, dotted.
        tau: its value, nats.
        asked: what it was measured on.
    """
    lm = workbench().loaded(state.opened.spec)
    if lm is None or asked is None or not asked.problems:
        return plan
    try:
        measured = _kept(lm, asked)
    except FileError:
        return plan
    return plan if measured is None else replace(plan, thresholds=origins(measured, {name: tau}))


def form_threshold(
    state: BrowserState,
    fields: SettingFields,
    problem_set: str,
    problems: Sequence[Problem],
    settings: Mapping[str, Any],
) -> None:
    """As `threshold_meaning`, for the field "tau" of a form whose chains are greedy.

    Args:
        fields: of the form.
        problem_set, problems: that the form names.
        settings: of the run that the form would start.
    """
    asked = _asked(problem_set, problems, settings)
    place = fields.key_of("tau")
    tau = fields.values["tau"]
    threshold_meaning(state, asked, place, tau, lambda nats: state.form.put(place, nats))


def form_origin(
    state: BrowserState,
    plan: RunPlan,
    problem_set: str,
    problems: Sequence[Problem],
    settings: Mapping[str, Any],
) -> RunPlan:
    """As `with_origin`, for the setting "tau" of such a form."""
    asked = _asked(problem_set, problems, settings)
    return with_origin(state, plan, "tau", settings["tau"], asked)


def _asked(
    problem_set: str, problems: Sequence[Problem], settings: Mapping[str, Any]
) -> MeasureOn | None:
    own = {name: each for name, each in settings.items() if name in _SHARED}
    try:
        return MeasureOn(problem_set, problems, checked_settings(ThresholdSettings, own))
    except ExplorerError:  # said by the form
        return None


def in_unit(nats: float, state: BrowserState) -> str:
    """An entropy in the unit on screen, with its unit."""
    return f"{_amount(nats, state)} {state.unit}"


def _amount(nats: float, state: BrowserState) -> str:
    """An entropy in the unit on screen: two decimals or, of a small one, two digits."""
    shown = nats if state.unit == "nats" else nats / NATS_PER_BIT
    return f"{shown:.2f}" if shown >= 0.1 or not shown else f"{shown:.2g}"


def _interval(tau: Estimate, state: BrowserState) -> str:
    if tau.n < 2:
        return "one chain has no interval"
    low, high = _amount(tau.low, state), in_unit(tau.high, state)
    return f"95 % interval over {tau.n} problems: {low}–{high}"


def _offer_to_measure(state: BrowserState, asked: MeasureOn, key: str) -> None:
    count = min(asked.settings.problems, len(asked.problems))
    text, button = st.columns([3, 1], vertical_alignment="center")
    text.caption(
        f"Which share of this model's tokens is above τ has not been measured with this prompt "
        f"and sampler: {count} chains on {plain(asked.problem_set)}."
    )
    button.button(
        "Measure τ",
        key=f"{key} measure",
        icon=":material/straighten:",
        help="One chain on each of some problems, with the prompt and sampler of this page; "
        "kept for the next time",
        width="stretch",
        disabled=state.opened.busy,
        on_click=_measure,
        args=(state, asked),
    )


def _measure(state: BrowserState, asked: MeasureOn) -> None:
    """Measure as a background task of the session."""
    opened = state.opened
    spec, how = opened.spec, asked.settings

    def work(task: Task) -> None:
        lm = opened.load(spec)
        on = measured_on(lm, asked.problems, asked.problem_set, how)
        try:
            if kept_measurement(on) is not None:
                return  # it was there already, but not known before the model was loaded
        except FileError:
            pass  # damaged, and replaced now
        task.label, task.unit = "Measuring entropies", "chains"
        found = measure_entropies(
            lm,
            asked.problems,
            asked.problem_set,
            how,
            on_chain=task.count,
            cancel=task.cancelled,
        )
        if found is not None:
            keep_measurement(found)

    opened.start("Loading the model", work, min(how.problems, len(asked.problems)))
    st.session_state[_TASK] = opened.task


def _progress(state: BrowserState, task: Task) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(task.share_done, text=task.progress)
        st.button("Cancel", key="cancel the measurement", on_click=state.opened.cancel)


def _kept(lm: LanguageModel, asked: MeasureOn) -> EntropyMeasurement | None:
    """The measurement that was kept for a loaded model; None if there is none.

    Raises:
        FileError: its file is damaged or can't be read.
    """
    on = measured_on(lm, asked.problems, asked.problem_set, asked.settings)
    changed = changed_at(measurement_path(on))
    return _read(measurement_path(on), changed, on) if changed else None


@st.cache_resource(show_spinner=False, max_entries=20)
def _read(path: Path, changed: int, _on: MeasuredOn) -> EntropyMeasurement | None:
    return kept_measurement(_on)


@st.cache_data(show_spinner=False, max_entries=200)
def _share_above(key: str, tau: float, _measured: EntropyMeasurement) -> Estimate:
    return _measured.share_above(tau)
