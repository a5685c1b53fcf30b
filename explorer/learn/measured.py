"""Steps 5 and 6: forks against random tokens, and what a trained model changes."""

from __future__ import annotations

from pathlib import PurePath

import streamlit as st

from core.disagreement.reading import with_teacher
from core.lessons.checks import ChoiceCheck
from core.lessons.figures import tuning_figures
from core.lessons.measuring import Tuning
from core.lessons.outline import Step
from core.lessons.questions import control_check, sweeps
from core.runs.headline import counted
from core.system.percent import percent, percent_span
from explorer.classroom.here import runs_here
from explorer.components.token_heatmap import token_heatmap
from explorer.learn.checking import choice_check
from explorer.learn.material import Material
from explorer.learn.progress import Progress
from explorer.learn.tables import lesson_table
from explorer.learn.working import work_button
from explorer.shared.chain_view import chain_view
from explorer.shared.messages import plain
from explorer.shared.problem_text import problem_text
from explorer.shared.teachers import known_teachers
from explorer.state import BrowserState

_NO_TEACHER = (
    "There is no trained model to compare this one with. Fine-tune it first, or do this step on "
    "the demo."
)


def control_step(state: BrowserState, progress: Progress, step: Step, material: Material) -> None:
    """Draw the button, then both figures and the check."""
    lesson = material.lesson
    if lesson.control is None:
        st.caption(
            f"Each of {counted(lesson.problems, 'problem')} is solved greedily. In every wrong "
            "chain every other top-5 token is forced at the five most uncertain positions, and as "
            "many tokens at random other positions."
        )
        work_button(material, "control", "Measure")
        return
    found, check = sweeps(lesson.control), control_check(lesson.control)
    if found is None or check is None:
        st.info(lesson.missing(step, state.unit), icon=":material/info:")
        return
    rows = [
        (
            name,
            each.attempts,
            each.attempts_right,
            percent(each.rescues.value),
            percent_span(each.rescues.low, each.rescues.high),
            each.recovered.n,
        )
        for name, each in zip(("at forks", "at random positions (control)"), found, strict=True)
    ]
    columns = ("forced", "tries", "fixed the answer", "share", "95 % interval", "wrong chains (n)")
    lesson_table(columns, rows)
    choice_check(progress, step, check)


def tuning_step(state: BrowserState, progress: Progress, step: Step, material: Material) -> None:
    """Draw the choice of a trained model and the button; then the check, and after an answer the
    figures."""
    lesson, spec = material.lesson, material.spec
    known = {} if spec.adapter is not None else known_teachers(spec.model, runs_here())
    if not known:
        st.info(_NO_TEACHER, icon=":material/info:")
        return
    teacher = state.form.choice(
        st.container(),
        "Trained model",
        f"learn teacher of {spec.model}",
        list(known),
        material.taught_by,
        format_func=lambda name: known.get(name, name),
    )
    if lesson.tuning is None or material.taught_by != teacher:
        st.caption(
            f"On {counted(lesson.problems, 'problem')}: both models read the base's chains, and "
            "the base follows the trained model, and as a control random tokens at as many places."
        )
        work_button(material, "tuning", "Measure", teacher)
        return
    check = lesson.check(step, state.unit)
    if not isinstance(check, ChoiceCheck):
        st.info(lesson.missing(step, state.unit), icon=":material/info:")
        return
    choice_check(progress, step, check)
    if not progress.given(step) or progress.verdicts_hidden:
        st.caption("The figures are shown with the verdict on your answer.")
        return
    for each in tuning_figures(lesson.tuning, state.unit):
        st.markdown(plain(each))
    _example(state, material, lesson.tuning)


def _example(state: BrowserState, material: Material, tuning: Tuning) -> None:
    read = tuning.example
    if read is None:
        return
    problem_text(read.chain.problem)
    name = PurePath(tuning.teacher.teacher).name
    view = chain_view(read.chain, "learn tuning", material.lesson.settings.tau, state.unit)
    with st.container(border=True, key="learn_chain"):
        st.caption("A line above a token: reranked. A frame: shifted. Point at one to see both.")
        token_heatmap(with_teacher(view, read, name), key="learn_heatmap_tuning")
