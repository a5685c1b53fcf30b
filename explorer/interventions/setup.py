"""The form of an intervention run: problems, arms, budgets, teacher, prompt, seed."""

from __future__ import annotations

import streamlit as st

from core.interventions.arms import ARMS
from core.interventions.settings import InterventionSettings
from core.interventions.task import INTERVENTIONS, plan_interventions
from core.runs.config import RunPlan
from core.runs.runs_folder import RunsFolder
from explorer.interventions.arms_table import arms_table
from explorer.shared.asking import CHANGE_ASKING, Asking, session_settings
from explorer.shared.problem_choice import choose_problems, set_key
from explorer.shared.prompt_panel import asked
from explorer.shared.run_estimate import estimate_line
from explorer.shared.run_panel import start_button
from explorer.shared.set_choice import upload_place
from explorer.shared.setting_fields import SettingFields
from explorer.shared.start_run import start_run
from explorer.shared.teachers import interventions_key, known_teachers
from explorer.shared.thresholds import form_origin, form_threshold
from explorer.state import BrowserState

_ALL_BASE = [key for key, arm in ARMS.items() if not arm.needs_teacher]


def intervention_setup(state: BrowserState, folder: RunsFolder) -> None:
    """The form, and the button that starts a run of its own."""
    line = st.container()
    with st.container(key="study_bar"):
        chosen_set, number, seed, go = st.columns([3, 2, 1.3, 1.6], vertical_alignment="bottom")
    chosen = choose_problems(state, chosen_set, number, "study")
    upload_place(state, {set_key("study"): chosen.name}, "study_file")
    asking = Asking(state, "study", chosen.name, "greedy")
    defaults = session_settings(state, InterventionSettings(), chosen.name)
    fields = SettingFields(state.form, defaults, "study")
    fields.draw(seed, "seed")
    with st.expander("Options", key="study_more"):
        teacher = _teacher(state, folder)
        allowed = list(ARMS) if teacher else _ALL_BASE
        arms = fields.draw(
            st.container(),
            "arms",
            key=f"study arms {bool(teacher)}",
            options=allowed,
            chosen=[key for key in allowed if ARMS[key].by_default],
            format_func=lambda key: ARMS[key].label,
        )
        arms_table(allowed)
        left, middle, right, last = st.columns(4)
        fields.draw(left, "positions")
        fields.draw(middle, "tau", step=0.1)
        fields.draw(right, "first_k")
        fields.draw(last, "divergence", step=0.05)
        if teacher:
            taus, budgets = st.columns(2)
            fields.draw(taus, "taus", placeholder="no curve; type 0.8, then 1.2 …")
            fields.draw(budgets, "budgets", placeholder="no curve; type 1, then 2 …")
        meaning = st.container()
    with st.expander(CHANGE_ASKING, key="study_asking"):
        style, length = st.columns(2)
        fields.draw(length, "max_new_tokens", step=16)
        choice = asked(state, style, "study", chosen.problems, defaults, asking.typed)
    settings = fields.values | choice.settings()
    with meaning:
        form_threshold(state, fields, chosen.name, chosen.problems, settings)
    asking.line(line, settings, choice, chosen.count)
    st.caption(
        "Every problem is decoded once for every arm. You can leave this page; the run continues."
    )

    def plan() -> RunPlan:
        made = plan_interventions(
            state.opened.spec,
            chosen.problems,
            settings,
            teacher=teacher or None,
            sample=chosen.sample,
        )
        return form_origin(state, made, chosen.name, chosen.problems, settings)

    name = f"Interventions on {chosen.name}"
    start_button(
        state,
        go,
        "Run",
        lambda: start_run(state, folder, INTERVENTIONS.name, plan(), name),
        type="primary",
        icon=":material/play_arrow:",
        disabled=not chosen.problems or not arms,
    )
    if chosen.problems and arms:
        estimate_line(state, INTERVENTIONS.name, plan)


def _teacher(state: BrowserState, folder: RunsFolder) -> str:
    """The name of a teacher, known or typed; empty where there is none."""
    model = state.opened.spec.model
    known = known_teachers(model, folder)
    return state.form.choice_or_typed(
        st.container(),
        "Teacher",
        interventions_key(model),
        list(known),
        format_func=lambda each: known.get(each, each),
        placeholder="none: only the arms that need no teacher",
        help="Choose one, or type a model folder or hub id with the same vocabulary, or the "
        "folder of a LoRA adapter for this model",
    )
