"""How long a run would take, beside the button that starts it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import streamlit as st

from core.errors import ExplorerError
from core.kinds import KINDS
from core.models.language_model import LanguageModel
from core.models.spec import ModelSpec
from core.runs.config import RunPlan
from core.runs.decoding_speed import MeasuringCancelledError
from core.runs.estimate import RunEstimate
from core.runs.measurements import Meter, NotMeasuredError
from core.runs.models import read_model
from core.system.setting import setting
from explorer.shared.messages import plain, show_error
from explorer.shared.polling import polled
from explorer.shared.run_panel import with_consent
from explorer.state import BrowserState
from explorer.tasks import Task
from explorer.workbench import workbench

_ASK = "How long will it take?"
_NOT_SETTINGS = {"sample": "the number of problems"}


def known_estimate(state: BrowserState, task: str, plan: RunPlan) -> RunEstimate | None:
    """What is known of a planned run without measuring; None where nothing is."""
    try:
        return KINDS[task].load().estimate_of(plan, _meter(state, plan, None))
    except (NotMeasuredError, ExplorerError):  # the run says what doesn't go together
        return None


def estimated(state: BrowserState, task: str, plan: RunPlan) -> RunPlan:
    """A plan with what is known of its time, which the run keeps."""
    return replace(plan, estimate=known_estimate(state, task, plan))


def estimate_line(state: BrowserState, task: str, prepare: Callable[[], RunPlan]) -> None:
    """The line that says how long a run would take, or a button that measures it. Nothing is
    measured unasked; must not be called inside a part that polls.

    Args:
        state: of the session.
        task: the kind of run.
        prepare: makes the plan of the form's values.
    """
    try:
        plan = prepare()
    except ExplorerError:  # said when it is started
        return
    place = f"measuring {task}"

    def measuring() -> Task | None:
        found: Task | None = st.session_state.get(place)
        return found

    def is_running() -> bool:
        found = measuring()
        return found is not None and found.running

    def draw() -> None:
        work = measuring()
        if work is not None and work.running:
            row = st.container(horizontal=True, vertical_alignment="center")
            row.caption(f"measuring… {work.elapsed:.0f} s")
            row.button("Stop measuring", key=f"stop {place}", type="tertiary", on_click=work.cancel)
            return
        found = known_estimate(state, task, plan)
        if found is not None:
            _show(task, found)
            return
        if work is not None and work.error is not None:
            show_error(work.error)
        st.button(
            _ASK,
            key=f"ask {place}",
            icon=":material/timer:",
            type="tertiary",
            help="Measures the model on this machine for some seconds; what is found is kept",
            on_click=lambda: st.session_state.update({place: measure(state, [(task, plan)])}),
        )

    polled(draw, is_running)


def _show(task: str, found: RunEstimate) -> None:
    st.caption(f":material/timer: This takes {plain(found.words)}")
    if found.is_long:
        st.warning(
            f"This takes more than an hour. Lower {plain(_label(task, found.setting))}, which "
            "shortens it most.",
            icon=":material/warning:",
        )


def _label(task: str, name: str) -> str:
    """A setting as its field is labelled."""
    if name in _NOT_SETTINGS or not name:
        return _NOT_SETTINGS.get(name, "the number of problems")
    return f"“{setting(KINDS[task].load().settings, name).label}”"


def measure(state: BrowserState, planned: Sequence[tuple[str, RunPlan]]) -> Task:
    """Measure in the background what the estimates of planned runs need; what is found is on the
    disk.

    Args:
        state: of the session.
        planned: kinds of run with their plans.
    """

    def work(at: Task) -> None:
        try:
            for task, plan in planned:
                KINDS[task].load().estimate_of(plan, _meter(state, plan, at))
        except MeasuringCancelledError:
            return

    return Task("Measuring", work)


def _meter(state: BrowserState, plan: RunPlan, at: Task | None) -> Meter:
    """Measures in a task; without one, it only knows what was measured before."""
    spec = with_consent(state, read_model(plan.model))

    def load() -> LanguageModel:
        return workbench().model(spec, cancelled=None if at is None else at.cancelled)

    def beside(lm: LanguageModel, teacher: ModelSpec) -> LanguageModel:
        return workbench().teacher(lm, teacher)

    return Meter(
        spec,
        load,
        beside,
        may_measure=at is not None,
        cancel=(lambda: False) if at is None else at.cancelled,
    )
