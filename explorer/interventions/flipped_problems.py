"""Problems that an arm made right or wrong; each can be opened in Explore at its token."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from core.errors import ExplorerError, RunError
from core.interventions.results import Flip, InterventionResults
from core.interventions.task import INTERVENTIONS, run_models
from core.records import Problem
from core.runs.run import Run
from explorer.navigation import ask_for
from explorer.shared.messages import short
from explorer.shared.opening import start_opening
from explorer.shared.run_panel import with_consent
from explorer.state import BrowserState


def flipped_problems(
    state: BrowserState, run: Run, results: InterventionResults, problems: Mapping[str, Problem]
) -> None:
    """Choose an arm and one of its flips, and open it."""
    flipped = {
        each.arm: each
        for each in results.arms
        if each.comparison is not None and (each.comparison.gained or each.comparison.lost)
    }
    if not flipped:
        st.caption("No arm changed the verdict of any problem.")
        return
    st.markdown("**Flipped problems**")
    with st.container(key="flips_bar"):
        left, middle, right = st.columns([2, 5, 1.6], vertical_alignment="bottom")
    arm = state.form.choice(
        left,
        "Arm",
        f"flips of {run.id}",
        list(flipped),
        format_func=lambda key: flipped[key].label,
    )
    comparison = flipped[arm].comparison
    assert comparison is not None
    options = {
        each.problem_id: (sign, each)
        for sign, flips in (("✗ → ✓", comparison.gained), ("✓ → ✗", comparison.lost))
        for each in flips
    }
    chosen = state.form.choice(
        middle,
        f"Problem ({len(comparison.gained)} became right, {len(comparison.lost)} became wrong)",
        f"flip of {run.id} {arm}",
        list(options),
        format_func=lambda key: _label(*options[key], problems.get(key)),
    )
    right.button(
        "Open in Explore",
        type="primary",
        width="stretch",
        disabled=state.opened.busy,
        on_click=_open,
        args=(state, run, problems.get(chosen), arm),
    )


def _label(sign: str, flip: Flip, problem: Problem | None) -> str:
    place = "" if flip.position is None else f" at #{flip.position}"
    question = "" if problem is None else f" · {short(problem.question, 70)}"
    return f"{sign} {flip.problem_id}{place}{question}"


def _open(state: BrowserState, run: Run, problem: Problem | None, arm: str) -> None:
    try:
        if problem is None:
            raise RunError(
                "This problem is not among the run's problems.",
                "The run's folder is damaged: copy it again, or repeat the run.",
            )
        spec, _ = run_models(run)
        settings = INTERVENTIONS.settings_of(run)
        record = INTERVENTIONS.record_of(run, problem.id)
    except ExplorerError as error:
        state.notice = error
        return
    start_opening(
        state.opened,
        with_consent(state, spec),
        problem,
        record,
        arm,
        settings,
    )
    if state.opened.task is not None:
        state.opened.task.wait(2)
    ask_for("explore", session=state.opened.id)
