"""The form of a comparison: problems, teachers, prompt, seed."""

from __future__ import annotations

import streamlit as st

from core.disagreement.settings import CompareSettings
from core.disagreement.task import COMPARE, plan_comparison
from core.models.catalogue import teachers_of
from core.runs.config import RunPlan
from core.runs.runs_folder import RunsFolder
from explorer.shared.messages import plain
from explorer.shared.problem_choice import choose_problems
from explorer.shared.problem_sets import upload_problems
from explorer.shared.prompt_panel import asked
from explorer.shared.run_estimate import estimate_line
from explorer.shared.run_panel import start_button
from explorer.shared.setting_fields import SettingFields
from explorer.shared.start_run import start_run
from explorer.shared.teachers import compare_key, known_teachers
from explorer.shared.thresholds import form_origin, form_threshold
from explorer.state import BrowserState


def compare_setup(state: BrowserState, folder: RunsFolder) -> None:
    """The form, and the button that starts a run of its own."""
    form, model = state.form, state.opened.spec.model
    known = known_teachers(model, folder)
    with st.container(key="study_bar"):
        chosen_set, number, go = st.columns([3, 2, 1.6], vertical_alignment="bottom")
    chosen = choose_problems(state, chosen_set, number, "compare")
    named = form.several(
        st.container(),
        "Teachers",
        compare_key(model),
        list(known),
        [each for each in known if each not in teachers_of(model)][:1],  # nothing to download
        format_func=lambda each: known.get(each, each),
        placeholder="none yet: fine-tune or distil one, or name one below",
        help="The demo's own, and the adapters that finished runs here made for this model",
    )
    fields = SettingFields(form, CompareSettings, "compare")
    with st.expander(
        "Other teacher, threshold, length, prompt, problems of your own", key="compare_more"
    ):
        other = form.line(
            st.container(),
            "Other teacher",
            "compare other",
            placeholder="none",
            help="A model folder or hub id with the same vocabulary, or the folder of a LoRA "
            "adapter for this model",
        )
        left, middle, right = st.columns(3)
        fields.draw(left, "tau", step=0.1)
        fields.draw(middle, "max_new_tokens", step=16)
        fields.draw(right, "seed")
        meaning = st.container()
        settings = (
            fields.values | asked(state, st.container(), "compare", chosen.problems).settings()
        )
        with meaning:
            form_threshold(state, fields, chosen.name, chosen.problems, settings)
        upload_problems(state, "compare_file")
    teachers = [*named, *([other] if other and other not in named else [])]
    st.caption(
        f"The model {plain(model)} writes a greedy chain of every problem; at each token every "
        "teacher is asked what it would have put there. The run goes on when you leave this page."
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
