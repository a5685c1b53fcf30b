"""The sizes of a teacher's distillations: one picture, and every run with its result."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from core.distillation.headline import distillation_headline
from core.distillation.results import distillation_models
from core.distillation.sizes import SizeStudy, distillations, size_studies
from core.distillation.task import DISTIL
from core.errors import ExplorerError
from core.lora.run_files import ADAPTER
from core.models.files import check_adapter_folder
from core.runs.estimate import duration
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.runs.status import RunState
from explorer.compare.distillation_charts import size_chart
from explorer.compare.edit import fill_distillation
from explorer.shared.drawing import chart, table
from explorer.shared.figures import percent, points, share_and_range
from explorer.shared.messages import plain, show_error, teaching_notice
from explorer.shared.opening import open_with_adapter
from explorer.shared.run_facts import run_line
from explorer.shared.run_page import command_panel
from explorer.shared.run_panel import (
    act,
    run_badge,
    run_progress,
    show_notice,
    when,
)
from explorer.state import BrowserState

_RUNS_SHOWN = 6
_EDITED = "distillation edited"  # in Streamlit's session state


def distilled_sizes(
    state: BrowserState, folder: RunsFolder, teacher: str, asked_for: Sequence[Run]
) -> None:
    """All sizes so far, below the run that was asked for where it isn't one of them."""
    if st.session_state.pop(_EDITED, False):
        st.rerun()  # the form above has other values now
    show_notice(state)
    try:
        runs = distillations(folder, state.opened.spec.model, teacher)
        studies = size_studies(folder, state.opened.spec.model, teacher)
    except ExplorerError as error:
        show_error(error)
        return
    shown = runs[:_RUNS_SHOWN]
    for run in asked_for:
        if run.id not in {each.id for each in shown}:
            _one(state, run)
    if not runs:
        st.info(
            "Choose a rank and the layers, then press **Distil**. The paper's sizes are rank 32 "
            "on q, k, v, o and rank 8 on o alone.",
            icon=":material/arrow_upward:",
        )
        return
    if studies:
        _study(state, studies[0], others=sum(len(each.points) for each in studies[1:]))
    for run in shown:
        _one(state, run)
    if len(runs) > _RUNS_SHOWN:
        st.caption(f"{len(runs) - _RUNS_SHOWN} older ones are in the list of runs.")


def _study(state: BrowserState, study: SizeStudy, others: int) -> None:
    """The sizes that were measured alike.

    Args:
        others: number of students that were measured in another way.
    """
    said = ", ".join(f"{each.label} {percent(each.accuracy.value)}" for each in study.points)
    chart(
        size_chart(study),
        "sizes",
        alt=f"Accuracy by trained parameters: {said}; the teacher has "
        f"{percent(study.teacher.value)}, the base {percent(study.base.value)}.",
    )
    rows = [
        *(
            (
                each.label,
                f"{each.trained_parameters:,}",
                percent(each.trained_share, 2),
                share_and_range(each.accuracy),
                points(each.against_teacher),
                points(each.against_base),
            )
            for each in study.points
        ),
        ("teacher", "", "", share_and_range(study.teacher), "", ""),
        ("base", "", "", share_and_range(study.base), "", ""),
    ]
    columns = ["", "parameters", "share", "accuracy", "less teacher", "less base"]
    table(pd.DataFrame(rows, columns=columns), "sizes table")
    more = (
        f" {others} more student{'s' if others > 1 else ''} of this teacher "
        f"{'were' if others > 1 else 'was'} measured differently and "
        f"{'are' if others > 1 else 'is'} not shown here."
        if others
        else ""
    )
    st.caption(
        f"{study.label} of {study.base.n:,} problems that were not learned from, temperature "
        f"{study.temperature:g}, top-p {study.top_p:g}, seed {study.seed}. In brackets: 95 % "
        f"intervals over problems; differences in percentage points, paired by problem.{more} "
        "In the paper rank 32 on q, k, v, o, which is 0.27–0.49 % of the parameters, equals the "
        "teacher on MATH-500 and GSM8K, and rank 8 on o alone comes within about a point on "
        "MATH-500. The smaller the model, the larger the share of the same rank."
    )
    teaching_notice(state.opened.spec.model)


def _one(state: BrowserState, run: Run) -> None:
    """One run: its progress, or its results."""
    status = run.status()
    with st.container(border=True, gap="small", key=f"distillation {run.id}"):
        words, load = st.columns([5, 1.6], vertical_alignment="center")
        about = f":small[{plain(when(run.config.created))}]"
        words.markdown(f"**{plain(run.config.name or run.id)}** {run_badge(status)} {about}")
        words.markdown(run_line(state, run))
        again = words.container(horizontal=True, gap="xsmall")
        again.button(
            "Edit",
            key=f"edit {run.id}",
            icon=":material/edit:",
            help="Put the settings of this run into the form",
            on_click=_edit,
            args=(state, run),
        )
        with again.popover("CLI", icon=":material/terminal:", key=f"cli {run.id}"):
            command_panel(run)
        if status.state is not RunState.DONE:
            run_progress(state, run, status)
            return
        try:
            results = DISTIL.results_of(run)
        except ExplorerError as error:
            show_error(error)
            return
        if results is None:
            return
        headline = distillation_headline(results)
        words.markdown(f"**{plain(headline.figure)}** :small[{plain(headline.sentence)}]")
        words.caption(
            f"{results.training.steps:,} steps, took {duration(results.cost.total_seconds)}."
        )
        load.button(
            "Load into Explore",
            key=f"load {run.id}",
            icon=":material/fork_right:",
            width="stretch",
            on_click=act,
            args=(state, lambda: _load(state, run)),
        )


def _edit(state: BrowserState, run: Run) -> None:
    act(state, lambda: fill_distillation(state, run))
    st.session_state[_EDITED] = True


def _load(state: BrowserState, run: Run) -> None:
    check_adapter_folder(run.folder / ADAPTER)
    base, _ = distillation_models(run)
    open_with_adapter(state, base, run.folder / ADAPTER)
