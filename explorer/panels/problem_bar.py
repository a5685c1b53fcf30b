"""The top of Explore: which problem, how to sample, go."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from core.errors import ExplorerError
from core.records import Problem, Sampler
from explorer.panels.messages import before_gold, plain, plain_lines, short, show_error
from explorer.panels.problem_sets import close_popover, problem_sets, upload_problems
from explorer.panels.prompt_panel import prompt_popover
from explorer.state import BrowserState

_SESSION_SET = "This session"
_OWN = "My own question"
_SAMPLER = "sampler"


@dataclass(frozen=True)
class _Settings:
    sampler: Sampler
    seed: int
    k: int


def problem_bar(state: BrowserState) -> None:
    """Draw the bar; Generate starts a chain."""
    sets = _sets(state)
    _restore_choice(state, sets)
    with st.container(key="problem_bar"):
        source, problem, generate, prompt, sampler = st.columns(
            [1.8, 4.6, 1.2, 1.1, 1.2], vertical_alignment="bottom"
        )
    with source:
        chosen_set = st.selectbox(
            "Problems from", [*sets, _OWN], key="problem_set", disabled=state.opened.busy
        )
    with problem:
        chosen = (
            _own_question()
            if chosen_set == _OWN
            else _from_set(state, chosen_set, sets[chosen_set])
        )
    with prompt:
        asked = prompt_popover(state, chosen_set, chosen)
    with sampler:
        settings = _sampler_popover(state)
    with generate:
        pressed = st.button(
            "Generate",
            type="primary",
            width="stretch",
            disabled=state.opened.busy,
            help="Generate a chain from the prompt",
        )
    if chosen is not None:
        _show(chosen)
        _show_tree_of(state, chosen, pressed)
    if pressed and chosen is not None and settings is not None:
        state.opened.generate(
            state.opened.spec,
            chosen,
            settings.sampler,
            settings.seed,
            prompt_style=asked.style,
            template=asked.template,
            k=settings.k,
        )
        if state.opened.task is not None:
            state.opened.task.wait(0.1)


def _sets(state: BrowserState) -> dict[str, list[Problem]]:
    """Problem sets to choose from; the session's own come last."""
    sets = problem_sets(state)
    worked_on = [tree.problem for tree in state.opened.session.trees.values() if tree.branches]
    return sets | ({_SESSION_SET: worked_on} if len(worked_on) > 1 else {})


def _restore_choice(state: BrowserState, sets: dict[str, list[Problem]]) -> None:
    """After a refresh or an opened file, the picker shows the problem of the tree on screen."""
    tree = state.opened.session.tree
    if tree is None or st.session_state.get("picker_follows") == id(tree):
        return
    st.session_state["picker_follows"] = id(tree)
    problem = tree.problem
    for name, problems in sets.items():
        if problem in problems and name != _SESSION_SET:
            st.session_state["problem_set"] = name
            st.session_state.pop(_picker_key(name), None)
            state.chosen[name] = problem
            return
    st.session_state["problem_set"] = _OWN
    st.session_state["own_question"] = problem.question
    st.session_state["own_gold"] = problem.answer or ""


def _from_set(state: BrowserState, name: str, problems: list[Problem]) -> Problem | None:
    before = state.chosen.get(name)
    chosen = st.selectbox(
        "Problem",
        problems,
        index=problems.index(before) if before in problems else 0,
        key=_picker_key(name),
        format_func=_label,
        disabled=state.opened.busy,
    )
    if chosen is not None:
        state.chosen[name] = chosen
    return chosen


def _picker_key(name: str) -> str:
    return f"problem of {name}"


def _own_question() -> Problem:
    question, gold = st.columns([3, 1], vertical_alignment="bottom")
    text = question.text_area("Question", key="own_question", height=68)
    answer = gold.text_input("Right answer", key="own_gold", placeholder="optional").strip()
    return Problem("typed", text, answer or None, source="typed")


def _label(problem: Problem) -> str:
    return f"{problem.id} · {short(problem.question, 90)}"


def _show(problem: Problem) -> None:
    if problem.source == "typed":
        return
    gold = "" if problem.answer is None else f":gray-badge[gold {plain(problem.answer)}]"
    st.markdown(f"{plain_lines(problem.question)}{before_gold(problem.question)}{gold}")


def _show_tree_of(state: BrowserState, problem: Problem, generating: bool) -> None:
    """Picking another problem shows its tree; a question being typed has none until Generate."""
    tree = state.opened.session.tree
    if tree is not None and tree.problem == problem:
        return
    if problem.source == "typed" and not generating:
        return
    shown = state.opened.open_problem(problem)
    st.session_state["picker_follows"] = id(shown)
    state.beside = None


def _sampler_popover(state: BrowserState) -> _Settings | None:
    close_popover(_SAMPLER)
    with st.popover(
        "Sampler",
        width="stretch",
        help="How tokens are drawn, seed, problem files",
        key=_SAMPLER,
        on_change="rerun",
    ):
        left, right = st.columns(2)
        temperature = left.number_input(
            "Temperature", 0.0, 5.0, 0.0, 0.1, key="temperature", help="0 is greedy"
        )
        top_p = right.number_input("Top-p", 0.01, 1.0, 1.0, 0.01, key="top_p", help="1 is off")
        top_k = left.number_input("Top-k", 0, 1000, 0, 1, key="top_k", help="0 is off")
        min_p = right.number_input("Min-p", 0.0, 1.0, 0.0, 0.01, key="min_p", help="0 is off")
        limit = left.number_input("Max new tokens", 1, 65536, 256, 16, key="max_new_tokens")
        seed = right.number_input("Seed", 0, 2**32 - 1, 0, 1, key="seed")
        k = left.number_input("Alternatives kept", 1, 50, 5, 1, key="alternatives_kept")
        st.divider()
        upload_problems(state, "problem_file", popover=_SAMPLER)
    try:
        sampler = Sampler(temperature, top_p, int(top_k), min_p, int(limit))
    except ExplorerError as error:
        show_error(error)
        return None
    return _Settings(sampler, int(seed), int(k))
