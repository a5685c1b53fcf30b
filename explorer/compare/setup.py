"""The form of a comparison: problems, teachers, prompt, seed."""

from __future__ import annotations

import streamlit as st

from core.disagreement.settings import CompareSettings
from core.disagreement.task import COMPARE, plan_comparison
from core.models.catalogue import teachers_of
from core.runs.config import RunPlan
from core.runs.runs_folder import RunsFolder
from explorer.shared.asking import CHANGE_ASKING, Asking, session_settings
from explorer.shared.problem_choice import choose_problems, set_key
from explorer.shared.prompt_panel import asked
from explorer.shared.run_estimate import estimate_line
from explorer.shared.run_panel import start_button
from explorer.shared.set_choice import upload_place
from explorer.shared.setting_fields import SettingFields
from explorer.shared.start_run import start_run
from explorer.shared.teachers import compare_key, known_teachers
from explorer.shared.thresholds import form_origin, form_threshold
from explorer.state import BrowserState


def compare_setup(state: BrowserState, folder: RunsFolder) -> None:
    """The form, and the button that starts a run of its own."""
    form, model = state.form, state.opened.spec.model
    known = known_teachers(model, folder)
    line = st.container()
    with st.container(key="study_bar"):
        chosen_set, number, go = st.columns([3, 2, 1.6], vertical_alignment="bottom")
    chosen = choose_problems(state, chosen_set, number, "compare")
    upload_place(state, {set_key("compare"): chosen.name}, "compare_file")
    named = form.several(
        st.container(),
        "Teachers",
        compare_key(model),
        list(known),
        [each for each in known if each not in teachers_of(model)][:1],  # nothing to download
        format_func=lambda each: known.get(each, each),
        placeholder="No teacher yet: fine-tune or distil one, or enter one below",
        help="The demo's own, and the adapters that finished runs here made for this model",
    )
    asking = Asking(state, "compare", chosen.name, "greedy")
    defaults = session_settings(state, CompareSettings(), chosen.name)
    fields = SettingFields(form, defaults, "compare")
    with st.expander("Options", key="compare_more"):
        other = form.line(
            st.container(),
            "Other teacher",
            "compare other",
            placeholder="none",
            help="A model folder or Hugging Face ID with the same vocabulary, or the folder of a "
            "LoRA adapter for this model",
        )
        left, middle, right = st.columns(3, vertical_alignment="bottom")
        fields.draw(left, "tau", step=0.1)
        fields.draw(middle, "along")
        fields.draw(right, "seed")
        meaning = st.container()
    with st.expander(CHANGE_ASKING, key="compare_asking"):
        style, length = st.columns(2)
        fields.draw(length, "max_new_tokens", step=16)
        choice = asked(state, style, "compare", chosen.problems, defaults, asking.typed)
    settings = fields.values | choice.settings()
    with meaning:
        form_threshold(state, fields, chosen.name, chosen.problems, settings)
    asking.line(line, settings, choice, chosen.count)
    teachers = [*named, *([other] if other and other not in named else [])]
    st.caption(
        "The model writes a greedy chain for every problem; at each token every teacher says what "
        "it would have written there. You can leave this page; the run continues."
    )

    def plan() -> RunPlan:
        made = plan_comparison(
            state.opened.spec, chosen.problems, settings, teachers=teachers, sample=chosen.sample
        )
        return form_origin(state, made, chosen.name, chosen.problems, settings)

    start_button(
        state,
        go,
        "Compare",
        lambda: start_run(state, folder, COMPARE.name, plan(), f"Comparison on {chosen.name}"),
        type="primary",
        icon=":material/play_arrow:",
        disabled=not chosen.problems or not teachers,
    )
    if chosen.problems and teachers:
        estimate_line(state, COMPARE.name, plan)
