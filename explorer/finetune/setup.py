"""Step 1 of a fine-tune: problems to learn from and to measure on, and the two ways to start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from core.chains.session import is_text
from core.errors import ExplorerError
from core.models.spec import DEMO
from core.reasonmaxxer.plan import plan_rollouts, plan_training
from core.reasonmaxxer.recipe import (
    ABOUT,
    PRESETS,
    PROBLEM_SETS,
    Recipe,
    recipe_of,
)
from core.reasonmaxxer.results import ROLLOUTS_TASK, STUDY_TASK, TRAIN_TASK
from core.reasonmaxxer.rollouts import rollout_threshold_settings
from core.reasonmaxxer.settings import Weighting
from core.records import Problem
from core.runs.config import RunPlan
from core.runs.runs_folder import RunsFolder
from core.runs.settings import changed
from core.studies.plan import plan_study
from explorer.finetune.recipe_fields import NO_TEACHER, RecipeFields, all_settings, teacher_key
from explorer.finetune.study_fields import study_fields, wants_study
from explorer.form import one_of
from explorer.shared.asking import Asking
from explorer.shared.messages import show_error
from explorer.shared.problem_sets import (
    DEMO_SET,
    TRAINING_SET,
    WORD_SET,
    WORD_TRAINING_SET,
    problem_sets,
    training_sets,
)
from explorer.shared.run_estimate import estimate_line
from explorer.shared.run_panel import start_button
from explorer.shared.set_choice import choose_set, upload_place
from explorer.shared.start_run import start_run
from explorer.shared.suited_preset import preset_for
from explorer.shared.thresholds import MeasureOn, in_unit, threshold_meaning, with_origin
from explorer.state import BrowserState

_MEASURED = "tuning evaluation"  # in the form
ROLLOUTS_OF, FINE_TUNE_ON, STUDY_ON = (
    "Rollouts of ",
    "Fine-tune on ",
    "Study on ",
)  # begin the names of runs


def finetune_setup(state: BrowserState, folder: RunsFolder) -> Recipe | None:
    """The form and its two buttons; returns the form's recipe, None when it is not valid."""
    training, evaluation = training_sets(state), problem_sets(state)
    st.markdown("**1 · Problems and rollouts**")
    line = st.container()
    with st.container(key="tuning_problems"):
        learn, measure, base = st.columns([3, 3, 2], vertical_alignment="bottom")
    below = st.container()
    with st.container(key="tuning_rollouts"):
        k, heat, seed, sample, everything = st.columns(
            [1.9, 1.3, 1.2, 1.8, 1.7], vertical_alignment="bottom"
        )
    preset = state.form.choice(
        base,
        "Preset",
        preset_key(state),
        list(PRESETS),
        preset_for(state),
        help="  \n".join(f"**{name}**: {about}" for name, about in ABOUT.items()),
    )
    own_sets = preset in PROBLEM_SETS  # whose problems are not the demo's
    learned = choose_set(
        state,
        learn,
        "Learn from",
        learned_key(preset),
        training,
        WORD_TRAINING_SET if own_sets else TRAINING_SET,
        help="The base solves each of these problems several times; where it is sometimes correct "
        "and sometimes wrong, there is something to learn",
    )
    measured = choose_set(
        state,
        measure,
        "Measure on, before and after",
        measured_key(preset),
        evaluation,
        WORD_SET if own_sets else DEMO_SET,
        help="Held out: problems in both sets are rejected",
    )
    upload_place(
        state,
        {learned_key(preset): learned, measured_key(preset): measured},
        "tuning_file",
        below,
    )
    asking = Asking(state, f"tuning {preset}", learned, "", prompt=f"tuning {preset} prompt")
    fields = RecipeFields(state, preset, learned, asking.typed)
    fields.fields.draw(k, "rollouts.samples")
    fields.fields.draw(heat, "rollouts.temperature", step=0.1)
    fields.fields.draw(seed, "seed")
    with st.expander("All settings of the recipe", key="tuning_more"):
        below_the_gate = all_settings(fields)
    what_to_run = st.container(key="tuning_study")
    recipe, fault = _recipe(preset, fields.changes)
    heat_now = fields.fields.values["rollouts.temperature"]
    tau_now = fields.fields.values["gate.tau"]
    whose = " (the preset's)" if tau_now == recipe_of(preset).gate.tau else ""
    asking.sampling = f"rollouts at temperature {heat_now:g}, τ {in_unit(tau_now, state)}{whose}"
    problems_now = len(training.get(learned, ()))
    asking.line(line, fields.changes, fields.choice, problems_now)
    if recipe is not None:
        place = fields.fields.key_of("gate.tau")
        with below_the_gate:
            threshold_meaning(
                state,
                _measured_on(learned, training.get(learned, []), recipe),
                place,
                recipe.gate.tau,
                lambda nats: state.form.put(place, nats),
            )
    with what_to_run:
        is_study = wants_study(state)
        study = study_fields(state, recipe) if is_study and recipe is not None else None
    ready = recipe is not None and bool(training.get(learned))
    complete = ready and bool(evaluation.get(measured)) and (study is not None) == is_study

    def plan() -> RunPlan:
        assert recipe is not None
        spec, problems = state.opened.spec, training[learned]
        if study is None:
            teacher = weights_teacher(state, recipe)
            made = plan_training(spec, problems, evaluation[measured], recipe, teacher=teacher)
        else:
            made = plan_study(spec, problems, evaluation[measured], study)
        return _with_origin(state, made, learned, problems, recipe)

    start_button(
        state,
        sample,
        "Sample rollouts",
        lambda: _sample(state, folder, learned, recipe),
        icon=":material/casino:",
        disabled=not ready,
        help="Only the first step: then look at them, choose the gate, and train",
    )
    start_button(
        state,
        everything,
        "Run the study" if is_study else "Run all steps",
        lambda: (start_study if is_study else start_training)(state, folder, plan(), learned),
        type="primary",
        icon=":material/play_arrow:",
        disabled=not complete,
        help="Rollouts and accuracy before, then a training and a measurement for every cell"
        if is_study
        else "Rollouts, accuracy before, training, accuracy after, in one run",
    )
    if fault is not None:
        show_error(fault)
    else:
        assert recipe is not None
        to_measure, to_learn = evaluation.get(measured, []), training.get(learned, [])
        number = min(recipe.measured or len(to_measure), len(to_measure))
        count = min(recipe.problems or len(to_learn), len(to_learn))
        st.caption(
            f"**{preset}**: {ABOUT[preset]}  \nUp to {count:,} problems × "
            f"{recipe.rollouts.samples} rollouts to learn from; {number:,} "
            f"problems × {recipe.evaluation.samples} to measure, before and after. You can "
            "leave this page; the run continues."
        )
        if complete:
            estimate_line(state, STUDY_TASK if is_study else TRAIN_TASK, plan)
    return recipe


def evaluation_problems(state: BrowserState, preset: str) -> Sequence[Problem]:
    """The problems that the form names to measure on, before and after.

    Args:
        preset: that the form's recipe started from.
    """
    sets = problem_sets(state)
    default = WORD_SET if preset in PROBLEM_SETS else DEMO_SET
    return sets[state.form.value(measured_key(preset), default, one_of(sets))]


def weights_teacher(state: BrowserState, recipe: Recipe) -> str | None:
    """The form's teacher for the weights of decisions; None for a recipe without weights."""
    if recipe.training.weighting is Weighting.NONE:
        return None
    found: str = state.form.value(teacher_key(recipe.preset), NO_TEACHER, is_text)
    return None if found == NO_TEACHER else found


def learned_key(preset: str) -> str:
    """The form's field of the problems to learn from; presets with sets of their own remember their
    own choice."""
    return f"tuning set {preset}" if preset in PROBLEM_SETS else "tuning set"


def measured_key(preset: str) -> str:
    """The form's field of the problems to measure on; as `learned_key`."""
    return f"{_MEASURED} {preset}" if preset in PROBLEM_SETS else _MEASURED


def preset_key(state: BrowserState) -> str:
    """The form's field of the preset, which depends on the model in the sidebar."""
    suited, is_demo = preset_for(state), state.opened.spec.model == DEMO
    return f"tuning preset {suited}" if suited in PROBLEM_SETS else f"tuning preset {is_demo}"


def start_training(state: BrowserState, folder: RunsFolder, prepared: RunPlan, about: str) -> None:
    """Start a fine-tune and show it."""
    start_run(state, folder, TRAIN_TASK, prepared, f"{FINE_TUNE_ON}{about}")


def start_study(state: BrowserState, folder: RunsFolder, prepared: RunPlan, about: str) -> None:
    """Start a study and show it."""
    start_run(state, folder, STUDY_TASK, prepared, f"{STUDY_ON}{about}")


def _recipe(preset: str, changes: Mapping[str, Any]) -> tuple[Recipe | None, ExplorerError | None]:
    try:
        return changed(recipe_of(preset), changes), None
    except ExplorerError as error:
        return None, error


def _measured_on(name: str, problems: Sequence[Problem], recipe: Recipe) -> MeasureOn | None:
    try:
        return MeasureOn(name, problems, rollout_threshold_settings(recipe))
    except ExplorerError:  # said by the run
        return None


def _sample(state: BrowserState, folder: RunsFolder, name: str, recipe: Recipe | None) -> None:
    assert recipe is not None
    problems = training_sets(state)[name]
    plan = plan_rollouts(state.opened.spec, problems, recipe)
    plan = _with_origin(state, plan, name, problems, recipe)
    start_run(state, folder, ROLLOUTS_TASK, plan, f"{ROLLOUTS_OF}{name}")


def _with_origin(
    state: BrowserState, plan: RunPlan, name: str, problems: Sequence[Problem], recipe: Recipe
) -> RunPlan:
    asked = _measured_on(name, problems, recipe)
    return with_origin(state, plan, "gate.tau", recipe.gate.tau, asked)
