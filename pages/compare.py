"""Compare: what would a teacher have chosen otherwise, token by token?"""

from __future__ import annotations

import contextlib
from functools import partial

import streamlit as st

from core.disagreement.task import COMPARE, compared_models
from core.distillation.results import TASK as DISTILLATION
from core.distillation.results import distillation_models
from core.errors import ExplorerError
from core.models.spec import DEMO, DEMO_TEACHER
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.runs.status import RunState
from explorer.compare.chain import chain_is_being_read, compared_chain
from explorer.compare.distillation import TEACHER_FIELD, distillation_panel
from explorer.compare.report import compare_report
from explorer.compare.setup import compare_setup
from explorer.shared.messages import plain, show_error, teaching_notice
from explorer.shared.polling import polled
from explorer.shared.run_page import run_on_screen, show_in_address
from explorer.shared.run_panel import any_live, run_badge, run_progress, show_notice
from explorer.shared.teachers import known_teachers, teacher_labels
from explorer.state import BrowserState, browser_state


def comparison(state: BrowserState, run: Run) -> None:
    """The run on screen; polls while it works."""
    show_notice(state)
    status = run.status()
    st.markdown(f"**{plain(run.config.name or run.id)}** {run_badge(status)}")
    run_progress(state, run, status)
    try:
        results = COMPARE.results_of(run)
        base, teachers = compared_models(run)
    except ExplorerError as error:
        show_error(error)
        return
    if results is None or not results.teachers:
        return
    if status.state is not RunState.DONE:
        st.info(f"So far: {results.n} problems.", icon=":material/hourglass_top:")
    names = teacher_labels(teachers, known_teachers(base.model, RunsFolder()))
    compare_report(run, results, names)
    compared_chain(state, run, names)
    teaching_notice(base.model)


def _show_distillation_asked_for(state: BrowserState, folder: RunsFolder) -> None:
    """A distillation opened from the list of runs: the section below shows those of its teacher."""
    with contextlib.suppress(ExplorerError):  # said where the run on screen is chosen
        wanted = state.run_ids.get("compare")
        if wanted is not None and (run := folder.get(wanted)).config.task == DISTILLATION:
            state.form.put(TEACHER_FIELD, distillation_models(run)[1])


state = browser_state()
folder = RunsFolder()
st.markdown("### Compare")
st.caption(
    "What did training change? The base writes its chains, and at every token the trained model "
    "says what it would have put there: the same (unshifted), another one of the base's top five "
    "(reranked), or something else (shifted)."
)
with st.container(border=True):
    compare_setup(state, folder)
_show_distillation_asked_for(state, folder)
teacher_to_distil = DEMO_TEACHER if state.opened.spec.model == DEMO else ""
try:
    run = run_on_screen(state, folder, "compare", beside=DISTILLATION)
except ExplorerError as error:
    show_error(error)
    st.stop()
if run is None:
    show_notice(state)
    st.info(
        "Choose problems and a teacher, then press **Compare**.", icon=":material/arrow_upward:"
    )
else:
    show_in_address(state, run)
    working = partial(any_live, [run])
    polled(
        partial(comparison, state, run),
        lambda: working() or chain_is_being_read(),
    )
st.divider()
distillation_panel(state, teacher_to_distil)
