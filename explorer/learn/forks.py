"""Steps 4 and 8: a fork whose alternatives are forced one by one, and one that decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import exp

import streamlit as st

from core.chains.tree import ForkTree
from core.components.words import VERDICT_SIGNS
from core.lessons.amounts import amount
from core.lessons.chains import TriedFork
from core.lessons.checks import ChoiceCheck
from core.lessons.figures import decision_figures
from core.lessons.measuring import decisive_samples
from core.lessons.outline import Step
from core.lessons.questions import alternative_label, ending_words
from core.system.percent import percent
from explorer.components.token_heatmap import token_heatmap
from explorer.learn.checking import choice_check
from explorer.learn.material import Material
from explorer.learn.progress import Progress, as_numbers
from explorer.learn.reading import head
from explorer.learn.tables import lesson_table
from explorer.learn.working import work_button
from explorer.navigation import ask_for
from explorer.shared.chain_view import chain_view
from explorer.shared.messages import plain, token_label
from explorer.shared.opening import known_branch
from explorer.shared.problem_text import problem_text
from explorer.state import BrowserState

_FORCED = "forced"
_TRIED = "tried"


def force_step(
    state: BrowserState,
    progress: Progress,
    step: Step,
    material: Material,
    fork: TriedFork,
    check: ChoiceCheck,
) -> None:
    """Draw the chain, a button for each alternative, and where those led that were forced."""
    forced = _forced(progress, step, fork)
    problem_text(fork.chain.problem)
    chain, panel = st.columns([3, 2], gap="medium")
    with chain, st.container(border=True, key="learn_chain"):
        _chain(state, progress, material, fork, forced[-1] if forced else None)
    with panel, st.container(border=True, key="learn_alternatives"):
        _name(state, fork)
        for number in range(len(fork.endings)):
            st.button(
                plain(_with_probability(fork, number)),
                key=f"learn force {number}",
                width="stretch",
                on_click=_force,
                args=(progress, step, fork, number),
            )
    if forced:
        _endings(progress, fork, sorted(set(forced)))
    choice_check(progress, step, check)
    st.button(
        "Open this chain in Explore",
        key=f"learn open {step.key}",
        type="tertiary",
        icon=":material/fork_right:",
        disabled=state.opened.busy,
        on_click=_open,
        args=(state, fork),
    )


def idle_step(
    state: BrowserState,
    progress: Progress,
    step: Step,
    material: Material,
    fork: TriedFork,
    check: ChoiceCheck,
) -> None:
    """Draw the chain with the fork selected, its alternatives once they are tried, and what
    sampled continuations say."""
    problem_text(fork.chain.problem)
    with st.container(border=True, key="learn_chain"):
        head(progress, fork.judged)
        view = chain_view(fork.chain, f"learn idle {fork.position}", _tau(material), state.unit)
        token_heatmap(view.with_selection(fork.position), key="learn_heatmap_idle")
    _name(state, fork)
    row = st.container(horizontal=True, vertical_alignment="center")
    tried = progress.given(step, _TRIED) == ["yes"]
    if tried:
        _endings(progress, fork, range(len(fork.endings)))
    else:
        row.button(
            f"Try all {len(fork.endings)}",
            key="learn try all",
            on_click=lambda: progress.keep(step, ["yes"], _TRIED),
        )
    choice_check(progress, step, check)
    if not tried:
        return
    if material.lesson.decisions is None:
        chains, samples = material.lesson.chains, material.lesson.settings.samples
        assert chains is not None  # the fork is theirs
        count = decisive_samples(chains, samples)
        st.caption(
            "This fork was chosen because its greedy endings agree: so far this is exploration. "
            f"Sampled endings are the test: {count} continuations, after each alternative here "
            "and, as a control, at the fork of step 4."
        )
        work_button(material, "decisions", f"Sample {samples} each")
    elif not progress.verdicts_hidden:
        for each in decision_figures(material.lesson.decisions):
            st.markdown(plain(each))


def _tau(material: Material) -> float:
    return material.lesson.settings.tau


def _name(state: BrowserState, fork: TriedFork) -> None:
    label = plain(token_label(fork.chain, fork.position))
    st.markdown(f"**#{fork.position} “{label}”** · {amount(fork.nats, state.unit)}")


def _chain(
    state: BrowserState,
    progress: Progress,
    material: Material,
    fork: TriedFork,
    number: int | None,
) -> None:
    """The fork's own chain, or the one that an alternative made of it."""
    tau = _tau(material)
    if number is None or fork.endings[number].chain is fork.chain:
        head(progress, fork.judged)
        view = chain_view(fork.chain, f"learn force {fork.chain.problem.id}", tau, state.unit)
    else:
        ending = fork.endings[number]
        head(progress, ending)
        view = chain_view(
            ending.chain, f"learn force {fork.chain.problem.id} {number}", tau, state.unit
        )
        view = replace(view, shared_prefix=fork.position, first_difference=fork.position)
    token_heatmap(view.with_selection(fork.position), key="learn_heatmap_force")


def _force(progress: Progress, step: Step, fork: TriedFork, number: int) -> None:
    before = [each for each in _forced(progress, step, fork) if each != number]
    progress.keep(step, [str(each) for each in (*before, number)], _FORCED)


def _forced(progress: Progress, step: Step, fork: TriedFork) -> list[int]:
    """The alternatives that were forced, the last one last."""
    numbers = as_numbers(progress.given(step, _FORCED)) or []
    return [each for each in numbers if 0 <= each < len(fork.endings)]


def _with_probability(fork: TriedFork, number: int) -> str:
    share = exp(float(fork.chain.statistics.top_logprobs[fork.position, number]))
    own = " · the model's own" if fork.endings[number].chain is fork.chain else ""
    return f"{alternative_label(fork, number)} · {percent(share)}{own}"


def _endings(progress: Progress, fork: TriedFork, numbers: Sequence[int]) -> None:
    rows = []
    for number in numbers:
        ending = fork.endings[number]
        answer = ending.outcome.answer or "no answer"
        sign = VERDICT_SIGNS[ending.outcome.verdict]
        leads = answer if progress.verdicts_hidden else f"{sign} {ending_words(ending)}"
        rows.append((alternative_label(fork, number), leads, len(ending.chain)))
    lesson_table(("token", "leads to", "tokens of the chain"), rows)


def _open(state: BrowserState, fork: TriedFork) -> None:
    """Show the chain with its branches in Explore; for a callback."""
    opened = state.opened
    tree = opened.open_problem(fork.chain.problem)

    def show() -> None:
        root = known_branch(tree.branches, fork.chain) or tree.add_root(
            fork.chain, fork.judged.outcome
        )
        _add_missing(tree, root.id, fork)
        tree.select(root.id, fork.position)

    opened.keep(show)
    ask_for("explore", session=opened.id)


def _add_missing(tree: ForkTree, root: str, fork: TriedFork) -> None:
    missing = [
        (each.chain, each.outcome)
        for each in fork.endings
        if each.chain is not fork.chain and known_branch(tree.children(root), each.chain) is None
    ]
    if missing:
        tree.add_branches(root, fork.position, missing)
