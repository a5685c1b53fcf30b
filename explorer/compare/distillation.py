"""How small can the correction be? Distils a teacher into adapters of several sizes."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from core.distillation.headline import distillation_headline
from core.distillation.plan import plan_after_earlier
from core.distillation.recipe import ABOUT, PRESETS, DistillationRecipe, recipe_of
from core.distillation.results import TASK, distillation_models
from core.distillation.sizes import SizeStudy, distillations, size_studies
from core.distillation.task import DISTIL
from core.errors import ExplorerError
from core.lora.recipe import ALL_LAYERS
from core.lora.run_files import ADAPTER
from core.models.files import check_adapter_folder
from core.models.spec import DEMO, absolute_name
from core.runs.config import RunPlan
from core.runs.estimate import duration
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.runs.settings import changed
from core.runs.status import RunState
from explorer.compare.distillation_charts import size_chart
from explorer.compare.edit import TEACHER_FIELD, fill_distillation
from explorer.shared.asking import Asking, session_settings
from explorer.shared.drawing import chart, table
from explorer.shared.figures import percent, points, share_and_range
from explorer.shared.messages import plain, short, show_error, teaching_notice
from explorer.shared.opening import open_with_adapter
from explorer.shared.polling import polled
from explorer.shared.problem_sets import DEMO_SET, TRAINING_SET, problem_sets, training_sets
from explorer.shared.prompt_panel import prompt_fields
from explorer.shared.run_estimate import estimate_line, estimated
from explorer.shared.run_facts import run_line
from explorer.shared.run_page import command_panel
from explorer.shared.run_panel import (
    act,
    any_live,
    run_badge,
    run_progress,
    show_notice,
    start,
    start_button,
    when,
)
from explorer.shared.set_choice import choose_set, upload_place
from explorer.shared.setting_fields import SettingFields
from explorer.state import BrowserState

_RUNS_SHOWN = 6
# In Streamlit's session state:
_EDITED = "distillation edited"
_ASKED_FOR = "distillation asked for"  # the id of a run


def distillation_panel(state: BrowserState, teacher: str = "") -> None:
    """The section of a page; must not be called inside a fragment.

    Args:
        state: of the browser session.
        teacher: the initial value of the field.
    """
    folder = RunsFolder()
    st.markdown("#### How small can the correction be?")
    st.caption(
        "Distil the teacher into a small adapter of the model, and see how close it gets. The "
        "adapter learns the teacher's probabilities on the teacher's own solutions."
    )
    with st.container(border=True):
        chosen = _setup(state, folder, teacher)
    if not chosen:
        return
    asked_for = _asked_for(folder, chosen)

    def live() -> bool:
        try:
            known = distillations(folder, state.opened.spec.model, chosen)
        except ExplorerError:  # shown below
            return False
        return any_live([*known, *asked_for])

    polled(partial(_runs, state, folder, chosen, asked_for), live)


def show_distillation_asked_for(state: BrowserState, folder: RunsFolder) -> bool:
    """Show the teacher of a distillation that was opened from the list of runs or by its link.

    Returns:
        Whether there is one.
    """
    chosen = state.run_ids.get("compare")
    wanted = chosen or st.query_params.get("run")
    if wanted is None or (chosen is None and wanted == st.session_state.get(_ASKED_FOR)):
        return False  # a link counts once: the person may choose another teacher since
    try:
        run = folder.get(wanted)
    except ExplorerError:  # shown where the run on screen is chosen
        return False
    if run.config.task != TASK:
        return False
    st.session_state[_ASKED_FOR] = run.id
    try:
        state.form.put(TEACHER_FIELD, distillation_models(run)[1])
    except ExplorerError as error:
        show_error(error)
    return True


def _asked_for(folder: RunsFolder, teacher: str) -> list[Run]:
    """The distillation of this teacher that was opened from the list of runs or by its link, into
    whichever model; empty where there is none."""
    wanted = st.session_state.get(_ASKED_FOR)
    if wanted is not None:
        with contextlib.suppress(ExplorerError):  # deleted since, or damaged
            run = folder.get(wanted)
            if absolute_name(distillation_models(run)[1]) == absolute_name(teacher):
                return [run]
    return []


def _setup(state: BrowserState, folder: RunsFolder, teacher: str) -> str:
    """The form and its button; returns the teacher that it names."""
    learning, measuring = training_sets(state), problem_sets(state)
    line = st.container()
    with st.container(key="tuning_distillation"):
        who, rank, layers, go = st.columns([3, 1.2, 3, 1.6], vertical_alignment="bottom")
    form = state.form
    named = form.line(
        who,
        "Teacher to distil",
        TEACHER_FIELD,
        teacher,
        placeholder="a folder or a model",
        help="The folder of a LoRA adapter for this model, or a model of the same vocabulary",
    )
    with st.expander("Preset, problems, prompt", key="tuning_distillation_more"):
        left, middle, right, last = st.columns([2, 3, 3, 1.4])
        is_demo = state.opened.spec.model == DEMO
        preset = form.choice(
            left,
            "Recipe",
            f"distillation preset {is_demo}",
            list(PRESETS),
            "demo" if is_demo else "paper",
            help="  \n".join(f"**{name}**: {about}" for name, about in ABOUT.items()),
        )
        learned = choose_set(
            state, middle, "Problems for the teacher", "distillation set", learning, TRAINING_SET
        )
        measured = choose_set(
            state,
            right,
            "Problems to measure on",
            "distillation evaluation",
            measuring,
            DEMO_SET,
            help="Held out: problems in both sets are rejected",
        )
        fields_of_sets = {"distillation set": learned, "distillation evaluation": measured}
        upload_place(state, fields_of_sets, "distillation_file")
        style, length = st.columns(2)
        start_from = session_settings(state, recipe_of(preset), learned)
        key = f"distillation {preset}"
        heat = start_from.rollouts.temperature
        asking = Asking(state, key, learned, f"rollouts at temperature {heat:g}")
        fields = SettingFields(form, start_from, key)
        fields.draw(last, "seed", key="distillation seed")
        fields.draw(length, "max_new_tokens", step=16)
        choice = prompt_fields(state, style, key, start_from, asking.typed)
    asking.line(line, fields.values | choice.settings(), choice, len(learning.get(learned, ())))
    fields.draw(rank, "training.lora_rank", key="distillation rank")
    fields.draw(layers, "training.target_modules", key="distillation layers", options=ALL_LAYERS)
    recipe, fault = _recipe(start_from, fields.values | choice.settings())
    ready = bool(named and recipe is not None and learning.get(learned) and measuring.get(measured))

    def plan() -> RunPlan:
        assert recipe is not None
        return _plan(state, folder, named, (learned, measured), recipe)

    def begin() -> None:
        assert recipe is not None
        _start(state, folder, recipe, plan())

    start_button(
        state,
        go,
        "Distil",
        begin,
        icon=":material/play_arrow:",
        disabled=not ready,
        help="Starts a run. The teacher's chains are generated once and reused for other sizes.",
    )
    if fault is not None:
        show_error(fault)
    elif ready:
        estimate_line(state, TASK, plan)
    return named


def _recipe(
    preset: DistillationRecipe, changes: Mapping[str, Any]
) -> tuple[DistillationRecipe | None, ExplorerError | None]:
    try:
        return changed(preset, changes), None
    except ExplorerError as error:
        return None, error


def _plan(
    state: BrowserState,
    folder: RunsFolder,
    teacher: str,
    sets: tuple[str, str],
    recipe: DistillationRecipe,
) -> RunPlan:
    spec, (learned, measured) = state.opened.spec, sets
    return plan_after_earlier(
        distillations(folder, spec.model, teacher),
        spec,
        teacher,
        training_sets(state)[learned],
        problem_sets(state)[measured],
        recipe,
    )


def _start(
    state: BrowserState, folder: RunsFolder, recipe: DistillationRecipe, plan: RunPlan
) -> None:
    training = recipe.training
    name = f"Rank {training.lora_rank} on {', '.join(training.target_modules)}"
    plan = estimated(state, TASK, plan)
    run = Run.create(folder.folder, TASK, plan, name=short(name, 80))
    start(state, run)


def _runs(state: BrowserState, folder: RunsFolder, teacher: str, asked_for: Sequence[Run]) -> None:
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
