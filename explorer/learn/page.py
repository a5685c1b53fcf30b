"""The page: where a learner is, the step on screen, the way to the next one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from core.errors import ExplorerError
from core.lessons.checks import ChoiceCheck, TokenCheck
from core.lessons.outline import MINUTES, STEPS, TITLE, Step
from core.lessons.papers import claims_check
from explorer.learn.checking import choice_check
from explorer.learn.forks import force_step, idle_step
from explorer.learn.handouts import handouts
from explorer.learn.material import Material
from explorer.learn.measured import control_step, tuning_step
from explorer.learn.progress import PROJECTOR, Progress
from explorer.learn.reading import guess_step, reading_step
from explorer.learn.scope import chosen_material
from explorer.learn.toy import toy_step
from explorer.learn.working import work_button
from explorer.navigation import ask_for
from explorer.shared.messages import plain, show_error, teaching_notice
from explorer.shared.polling import polled
from explorer.state import BrowserState

_FOLDER = Path(__file__).parent
_SHOWN, _SWITCHED = "lesson on screen", "projector switched"  # in this tab


def lesson_page(state: BrowserState) -> None:
    """Draw the whole page; it follows what is being made."""

    def draw() -> None:
        try:
            st.session_state[_SHOWN] = _page(state)
        except ExplorerError as error:
            show_error(error)

    polled(draw, _is_busy, seconds=0.5)


def _is_busy() -> bool:
    """Whether something is being made for the lesson that was drawn last."""
    shown: Material | None = st.session_state.get(_SHOWN)
    return shown is not None and shown.busy


def _page(state: BrowserState) -> Material:
    st.html(_FOLDER / "learn.css")
    if _is_on(state):
        st.html(_FOLDER / "projector.css")
    top = st.container(key="learn_top", horizontal=True, vertical_alignment="center")
    top.markdown("### Learn", width="content")
    top.space("stretch")
    with top:
        _projector(state)  # before what may fail: it is the only way to leave the projector
    found = chosen_material(state)
    progress = Progress(state, found.name)
    with top:
        handouts(state, found)
    step = progress.step
    if found.lesson.is_demo and found.task is None:
        found.start("chains")  # while the first step is read
    if not progress.projector:
        st.caption(f"{TITLE} About {MINUTES} minutes.")
        teaching_notice(found.spec.model)
    way = st.container()  # filled last: a step may be done by what is drawn below
    number = STEPS.index(step) + 1
    with st.container(key="learn_step"):
        st.markdown(f"#### {number} of {len(STEPS)} · {plain(step.title)}")
        st.markdown(plain(step.says))
        st.markdown(f":material/touch_app: **{plain(step.do)}**")
        _body(state, progress, step, found)
    with way:
        _way(progress, step)
    _next(state, progress, step)
    if not progress.projector:
        _notes(step)
    return found


def _body(state: BrowserState, progress: Progress, step: Step, material: Material) -> None:
    if step.key == "entropy":
        toy_step(state, progress, step)
    elif step.key == "claims":
        choice_check(progress, step, claims_check())
        st.button(
            "Check them on this model",
            key="learn open claims",
            type="tertiary",
            icon=":material/fact_check:",
            on_click=ask_for,
            args=("claims",),
        )
    elif step.key == "control":
        control_step(state, progress, step, material)
    elif step.key == "tuning":
        tuning_step(state, progress, step, material)
    elif material.lesson.chains is None:
        st.caption(
            f"Greedy chains of {material.lesson.problems} problems are generated, and the "
            "alternatives of their strongest forks tried, until there are some to show."
        )
        work_button(material, "chains", "Make the chains of the lesson")
    else:
        _of_chains(state, progress, step, material)


def _of_chains(state: BrowserState, progress: Progress, step: Step, material: Material) -> None:
    lesson = material.lesson
    check, chains = lesson.check(step, state.unit), lesson.chains
    if check is None or chains is None:
        st.info(lesson.missing(step, state.unit), icon=":material/info:")
        return
    if isinstance(check, TokenCheck):
        judged = lesson.reading if step.key == "heatmap" else chains.other
        assert judged is not None
        draw: Callable[..., None] = reading_step if step.key == "heatmap" else guess_step
        draw(state, progress, step, judged, check)
        return
    fork = chains.fork if step.key == "force" else chains.idle
    assert fork is not None
    assert isinstance(check, ChoiceCheck)
    if step.key == "force":
        force_step(state, progress, step, material, fork, check)
    else:
        idle_step(state, progress, step, material, fork, check)


def _projector(state: BrowserState) -> None:
    on = _is_on(state)
    st.button(
        "Leave the projector" if on else "Projector",
        key="learn projector button",
        icon=":material/cast_for_education:",
        help="Large type, no sidebar, and verdicts only when you show them",
        on_click=_switch,
        args=(state, on),
    )
    if st.session_state.pop(_SWITCHED, False):
        st.rerun()  # the whole app: a part drawn alone keeps the styles it had


def _switch(state: BrowserState, on: bool) -> None:
    state.form.keep(PROJECTOR, not on)
    st.session_state[_SWITCHED] = True


def _is_on(state: BrowserState) -> bool:
    return state.form.value(PROJECTOR, False, lambda value: isinstance(value, bool))


def _way(progress: Progress, step: Step) -> None:
    """A button per step, with a sign on those that are done."""
    done = sum(progress.is_done(each) for each in STEPS)
    with st.container(key="learn_way", horizontal=True, gap="xsmall", vertical_alignment="center"):
        for number, each in enumerate(STEPS, 1):
            st.button(
                f"✓ {number}" if progress.is_done(each) else str(number),
                key=f"learn go {each.key}",
                type="primary" if each == step else "secondary",
                help=each.title,
                on_click=progress.go_to,
                args=(each,),
            )
        st.caption(f"{done} of {len(STEPS)} done", width="content")


def _next(state: BrowserState, progress: Progress, step: Step) -> None:
    at = STEPS.index(step)
    with st.container(key="learn_next", horizontal=True):
        st.button(
            "Back",
            key="learn back",
            disabled=at == 0,
            on_click=progress.go_to,
            args=(STEPS[max(at - 1, 0)],),
        )
        if at + 1 < len(STEPS):
            st.button(
                f"Next: {STEPS[at + 1].title}",
                key="learn next",
                type="primary" if progress.is_done(step) else "secondary",
                on_click=progress.go_to,
                args=(STEPS[at + 1],),
            )
    if at + 1 == len(STEPS) and all(progress.is_done(each) for each in STEPS):
        st.success(
            "All steps are done. Choose a real model in the sidebar to do them on it.",
            icon=":material/school:",
        )


def _notes(step: Step) -> None:
    with st.expander("Teacher's notes", icon=":material/school:"):
        st.markdown("\n".join(f"- {plain(each)}" for each in step.notes))
