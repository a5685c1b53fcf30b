"""The top of Explore: problem, prompt and sampler settings, Generate."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core.chains.settings import GenerationSettings
from core.errors import ExplorerError
from core.models.spec import DEMO
from core.records import Problem, Sampler
from core.runs.settings import checked_settings
from core.thresholds.settings import ThresholdSettings
from explorer.explore.problem_labels import distinct, sign_of
from explorer.open_session import PROBLEM_SET
from explorer.shared.fork_temperature import fork_temperature_fields
from explorer.shared.messages import plain, short, show_error
from explorer.shared.problem_sets import DEMO_SET, WORD_SET, problem_sets
from explorer.shared.problem_text import problem_text
from explorer.shared.prompt_panel import PromptChoice, prompt_popover
from explorer.shared.set_choice import choose_set, upload_place
from explorer.shared.setting_fields import SettingFields
from explorer.shared.thresholds import MeasureOn
from explorer.state import BrowserState

_SESSION_SET = "This session"
_OWN = "My own question"
_SAMPLER = "sampler"
_QUESTION, _GOLD = "own_question", "own_gold"  # in the form
_FOLLOWED = "tree of the picker"  # in this tab: the tree that the form was last synchronised with


@dataclass(frozen=True)
class _Settings:
    sampler: Sampler
    seed: int
    k: int


def problem_bar(state: BrowserState) -> MeasureOn | None:
    """Draw the bar; Generate starts a chain.

    Returns:
        What the threshold is measured on: the problem set, prompt and sampler on screen; None while
        they can't be used.
    """
    sets = _sets(state)
    _restore_choice(state, sets)
    with st.container(key="problem_bar"):
        source, problem, generate, prompt, sampler = st.columns(
            [1.8, 4.6, 1.2, 1.1, 1.2], vertical_alignment="bottom"
        )
    with source:
        chosen_set = choose_set(
            state,
            st.container(),
            "Problems from",
            PROBLEM_SET,
            sets,
            others=[_OWN],
            disabled=state.opened.busy,
        )
    with problem:
        chosen = (
            _own_question(state)
            if chosen_set == _OWN
            else _from_set(state, chosen_set, sets.get(chosen_set, []))
        )
    upload_place(state, {PROBLEM_SET: chosen_set}, "problem_file")
    with prompt:
        asked = prompt_popover(state, chosen_set, chosen)
    with sampler:
        settings = _sampler_popover(state)
    with generate:
        pressed = st.button(
            "Generate",
            type="primary",
            width="stretch",
            disabled=state.opened.busy
            or asked.lines is None
            or chosen is None
            or not chosen.question.strip(),
            help="Generate a chain from the prompt",
        )
    if chosen is not None:
        _show_tree_of(state, chosen, pressed)
    _show(state, chosen)
    if pressed and chosen is not None and settings is not None and asked.lines is not None:
        state.opened.generate(
            state.opened.spec,
            chosen,
            settings.sampler,
            settings.seed,
            prompt_style=asked.style,
            template=asked.template,
            prompt_date=asked.day,
            stop=asked.lines.stop,
            examples=asked.examples,
            k=settings.k,
        )
        if state.opened.task is not None:
            state.opened.task.wait(0.1)
    return _measured_on(state, chosen_set, asked, settings)


def _measured_on(
    state: BrowserState, chosen_set: str, asked: PromptChoice, settings: _Settings | None
) -> MeasureOn | None:
    """The problem set on screen; for a typed question, the set that suits the model."""
    if asked.lines is None or settings is None:
        return None
    sets = problem_sets(state)
    if chosen_set not in sets:
        chosen_set = DEMO_SET if state.opened.spec.model == DEMO else WORD_SET
    sampler = settings.sampler
    values = {
        **asked.settings(),
        "temperature": sampler.temperature,
        "top_p": sampler.top_p,
        "top_k": sampler.top_k,
        "min_p": sampler.min_p,
        "max_new_tokens": sampler.max_new_tokens,
    }
    try:
        how = checked_settings(ThresholdSettings, values)
    except ExplorerError:  # said where the prompt is chosen
        return None
    return MeasureOn(chosen_set, sets[chosen_set], how)


def _sets(state: BrowserState) -> dict[str, list[Problem]]:
    """Problem sets to choose from; that of the session comes last."""
    sets = problem_sets(state)
    worked_on = [tree.problem for tree in state.opened.session.trees.values() if tree.branches]
    return sets | ({_SESSION_SET: worked_on} if len(worked_on) > 1 else {})


def _restore_choice(state: BrowserState, sets: dict[str, list[Problem]]) -> None:
    """Set the picker to the problem of the current tree if the form names no problem, or another
    tab or page has opened one. A refresh keeps the form's values."""
    session = state.opened.session
    before = st.session_state.get(_FOLLOWED, session.current)
    st.session_state[_FOLLOWED] = session.current
    if session.tree is None or (PROBLEM_SET in session.form and before == session.current):
        return
    problem, form = session.tree.problem, state.form
    for name, problems in sets.items():
        if problem in problems and name != _SESSION_SET:
            form.put(PROBLEM_SET, name)
            form.put(_picker_key(name), sign_of(problem))
            return
    form.put(PROBLEM_SET, _OWN)
    form.put(_QUESTION, problem.question)
    form.put(_GOLD, problem.answer or "")


def _from_set(state: BrowserState, name: str, problems: list[Problem]) -> Problem | None:
    by_sign = {sign_of(problem): problem for problem in problems}
    if not by_sign:
        st.selectbox("Problem", [], disabled=True)
        return None
    labels = distinct([each.question for each in by_sign.values()])
    shown = {sign: short(text, 90) for sign, text in zip(by_sign, labels, strict=True)}
    sign = state.form.choice(
        st.container(),
        "Problem",
        _picker_key(name),
        list(by_sign),
        format_func=lambda each: f"{by_sign[each].id} · {shown[each]}",
        disabled=state.opened.busy,
    )
    return by_sign[sign]


def _picker_key(name: str) -> str:
    return f"problem of {name}"


def _own_question(state: BrowserState) -> Problem:
    question, gold = st.columns([3, 1], vertical_alignment="bottom")
    text = state.form.paragraph(question, "Question", _QUESTION, height=68)
    answer = state.form.line(gold, "Correct answer", _GOLD, placeholder="optional")
    return Problem("typed", text, answer or None, source="typed")


def _show(state: BrowserState, problem: Problem | None) -> None:
    """The text of the problem; above the chain of another one, whose chain that is."""
    tree = state.opened.session.tree
    if problem is not None and problem.source != "typed":
        problem_text(problem)
    elif tree is not None and tree.branches and tree.problem != problem:
        with st.container(key="chain_of"):
            asked_before = plain(short(" ".join(tree.problem.question.split()), 120))
            st.markdown(
                f":small[**The chain below answers another question:** {asked_before}]  \n"
                ":small[Press **Generate** for a chain of yours.]"
            )


def _show_tree_of(state: BrowserState, problem: Problem, generating: bool) -> None:
    """Show the tree of the problem picked; a question being typed has none until Generate."""
    tree = state.opened.session.tree
    if tree is not None and tree.problem == problem:
        return
    if problem.source == "typed" and not generating:
        return
    state.opened.open_problem(problem, picked=True)
    st.session_state[_FOLLOWED] = state.opened.session.current
    state.beside = None


def _sampler_popover(state: BrowserState) -> _Settings | None:
    with st.popover("Sampler", width="stretch", help="Sampling settings", key=_SAMPLER):
        left, right = st.columns(2)
        fields = SettingFields(state.form, GenerationSettings, "")
        fields.draw(left, "temperature", step=0.1)
        fields.draw(right, "top_p", step=0.01)
        fields.draw(left, "top_k")
        fields.draw(right, "min_p", step=0.01)
        fields.draw(left, "max_new_tokens", step=16)
        fields.draw(right, "seed")
        fields.draw(left, "top_k_alternatives")
        fork_temperature_fields(fields, st.container())
        st.caption("Prompt, length, seed and threshold hold on the other pages, too.")
    try:
        settings = checked_settings(GenerationSettings, fields.values)
        sampler = settings.sampler
    except ExplorerError as error:
        show_error(error)
        return None
    return _Settings(sampler, settings.seed, settings.top_k_alternatives)
