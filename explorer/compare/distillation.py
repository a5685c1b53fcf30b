"""How small can the correction be? Distils a teacher into adapters of several sizes."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from core.distillation.plan import plan_after_earlier
from core.distillation.recipe import ABOUT, PRESETS, DistillationRecipe, recipe_of
from core.distillation.results import TASK, distillation_models
from core.distillation.sizes import distillations
from core.errors import ExplorerError
from core.lora.recipe import ALL_LAYERS
from core.models.spec import DEMO, absolute_name
from core.runs.config import RunPlan
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.runs.settings import changed
from explorer.classroom.here import runs_here
from explorer.compare.distillation_sizes import distilled_sizes
from explorer.compare.edit import TEACHER_FIELD
from explorer.shared.asking import Asking, session_settings
from explorer.shared.messages import short, show_error
from explorer.shared.polling import polled
from explorer.shared.problem_sets import DEMO_SET, TRAINING_SET, problem_sets, training_sets
from explorer.shared.prompt_panel import prompt_fields
from explorer.shared.run_estimate import estimate_line, estimated
from explorer.shared.run_panel import any_live, start, start_button
from explorer.shared.set_choice import choose_set, upload_place
from explorer.shared.setting_fields import SettingFields
from explorer.state import BrowserState

_ASKED_FOR = "distillation asked for"  # in Streamlit's session state: the id of a run


def distillation_panel(state: BrowserState, teacher: str = "") -> None:
    """The section of a page; must not be called inside a fragment.

    Args:
        state: of the browser session.
        teacher: the initial value of the field.
    """
    folder = runs_here()
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

    polled(partial(distilled_sizes, state, folder, chosen, asked_for), live)


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
        style, length, log = st.columns(3)
        start_from = session_settings(state, recipe_of(preset), learned)
        key = f"distillation {preset}"
        heat = start_from.rollouts.temperature
        asking = Asking(state, key, learned, f"rollouts at temperature {heat:g}")
        fields = SettingFields(form, start_from, key)
        fields.draw(last, "seed", key="distillation seed")
        fields.draw(length, "max_new_tokens", step=16)
        fields.draw(log, "training.report_to", key="distillation log")
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
