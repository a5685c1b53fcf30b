"""One of a run's chains, scored by base and teacher; the teacher's token opens in Explore."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.disagreement.reading import NAME_LENGTH, ReadChain, with_teacher
from core.disagreement.records import ComparedChain
from core.disagreement.task import COMPARE, compared_models
from core.disagreement.token_classes import TokenClass
from core.errors import ExplorerError
from core.export.of_chains import comparison_handout
from core.models.spec import teacher_spec
from core.records import Outcome, Problem
from core.runs.run import Run
from core.system.percent import percent
from explorer.compare.teacher_reading import Reading, start_forcing
from explorer.components.token_heatmap import (
    read_heatmap,
    token_heatmap,
)
from explorer.navigation import ask_for
from explorer.shared.chain_view import chain_view
from explorer.shared.figures import changed_at
from explorer.shared.messages import (
    VERDICT_SIGNS,
    plain,
    short,
    show_error,
    verdict_badge,
    visible,
)
from explorer.shared.run_panel import with_consent
from explorer.shared.share import share
from explorer.shared.verdict import verdict_reason
from explorer.state import BrowserState

_READING = "compare reading"
_HEATMAP = "heatmap_compared"


def compared_chain(state: BrowserState, run: Run, names: Sequence[str]) -> None:
    """Choose a teacher and a chain, whose tokens are marked by class."""
    try:
        records = compared_records(run)
        problems = {problem.id: problem for problem in run.problems()}
    except ExplorerError as error:
        show_error(error)
        return
    if not records:
        return
    st.markdown("**One chain, two models**")
    with st.container(key="evaluation_chains"):
        which, chosen = st.columns([2, 5], vertical_alignment="bottom")
    number = state.form.choice(
        which, "Teacher", f"teacher of {run.id}", range(len(names)), format_func=names.__getitem__
    )
    changes = {record.problem_id: len(record.changes(number)) for record in records}
    ordered = sorted(records, key=lambda record: -changes[record.problem_id])
    by_id = {record.problem_id: record for record in ordered}
    problem_id = state.form.choice(
        chosen,
        "Problem",
        f"chain of {run.id} {number}",
        list(by_id),
        format_func=lambda key: _label(by_id[key], changes[key], problems.get(key)),
        help="Those with the most changes first",
    )
    problem = problems.get(problem_id)
    if problem is not None:
        _read(state, run, names[number], number, by_id[problem_id], problem)


def compared_records(run: Run) -> list[ComparedChain]:
    """The chains that a run has compared so far; cached until it has more.

    Raises:
        ExplorerError: settings, models or problems of the run can't be read.
    """
    return _records(str(run.folder), changed_at(run.units_path))


def _label(record: ComparedChain, changes: int, problem: Problem | None) -> str:
    question = "" if problem is None else f" · {short(problem.question, 70)}"
    many = f"{changes} change{'s' * (changes != 1)}"
    return f"{VERDICT_SIGNS[record.verdict]} {many} · {record.problem_id}{question}"


def _read(
    state: BrowserState,
    run: Run,
    name: str,
    number: int,
    record: ComparedChain,
    problem: Problem,
) -> None:
    """Score the chain with both models, unless that is done already, and draw it."""
    try:
        base, teachers = compared_models(run)
        spec = with_consent(state, base)
        settings = COMPARE.settings_of(run)
        teacher = teacher_spec(spec, teachers[number])
    except ExplorerError as error:
        show_error(error)
        return
    wanted = (run.id, number, record.problem_id)
    if st.session_state.get(_READING, (None,))[0] != wanted:
        reading = Reading(spec, teacher, problem, record, settings)
        reading.task.wait(2)
        st.session_state[_READING] = (wanted, reading)
    reading = st.session_state[_READING][1]
    st.caption(plain(problem.question))
    if reading.task.running:
        st.caption(f"{reading.task.label}, {reading.task.elapsed:.0f} s …")
    elif reading.task.error is not None:
        show_error(reading.task.error)
    elif reading.result is not None:
        _chain(state, run, name, record, problem, reading.result)


def chain_is_being_read() -> bool:
    """Whether the models are still scoring the chain on screen."""
    _, reading = st.session_state.get(_READING, (None, None))
    return reading is not None and reading.task.running


def _chain(
    state: BrowserState,
    run: Run,
    name: str,
    record: ComparedChain,
    problem: Problem,
    read: ReadChain,
) -> None:
    chain, classes = read.chain, read.found.classes
    chain_id = f"{run.id} {name} {record.problem_id}"
    view = with_teacher(chain_view(chain, chain_id, state.tau, state.unit), read, name)
    with st.container(key="stage"):
        left, right = st.columns([2, 1], gap="medium")
    with left, st.container(border=True, key="chain_card"):
        outcome = Outcome(record.answer, record.verdict, False)
        writer = "Base" if read.along == "base" else plain(short(name, NAME_LENGTH))
        st.markdown(
            f"**{writer}, greedy** · {verdict_badge(outcome)} · {len(chain)} tokens",
            help=verdict_reason(outcome, problem.answer),
        )
        event = token_heatmap(
            view,
            key=_HEATMAP,
            on_select=lambda: None,
            on_force=lambda: _on_force(state, run, record, problem, read, chain_id),
        )
        st.caption(
            "A line above a token (reranked): the teacher would choose another one of the base's "
            "top five. A frame (shifted): one outside them. Underlined: a fork of the base."
        )
        share(
            {"chain": partial(comparison_handout, read, outcome, name, state.tau, state.unit)},
            name=f"{run.id}-chain",
            key="share compared",
            link={"run": run.id},
        )
    position = event.position(chain_id, len(chain))
    with right, st.container(border=True, key="inspector"):
        if position is None:
            agreed = {*classes} <= {TokenClass.UNSHIFTED}
            st.markdown("**Select a token**")
            st.caption(
                "The teacher writes exactly this chain."
                if agreed
                else "Hover to see both models' top five. The teacher's choice can be forced, and "
                "the base continues from there."
            )
            return
        _inspect(state, run, name, record, problem, read, position)


def _inspect(
    state: BrowserState,
    run: Run,
    name: str,
    record: ComparedChain,
    problem: Problem,
    read: ReadChain,
    position: int,
) -> None:
    found, chain = read.found, read.chain
    kind = found.classes[position]
    token_id = int(found.teacher_argmax[position])
    text = read.teacher_top_tokens[position][0]
    st.markdown(
        f"**#{position} {plain(visible(chain.tokens[position]))}** · {kind} · "
        f"{chain.entropy[position]:.2f} nats"
    )
    probability = _p(found.teacher.top_logprobs[position][0])
    st.markdown(
        f":small[{plain(name)} agrees, with {probability}.]"
        if kind is TokenClass.UNSHIFTED
        else f":small[{plain(name)} would choose **{plain(visible(text))}** here, with "
        f"{probability}; it is the base's rank {found.base_rank[position]}. "
        f"JS divergence {found.js_divergence[position]:.3f} nats.]"
    )
    both = zip(
        _alternatives(chain.top_tokens[position], chain.statistics.top_logprobs[position]),
        _alternatives(read.teacher_top_tokens[position], found.teacher.top_logprobs[position]),
        strict=False,
    )
    rows = [f"| {ours} | {theirs} |" for ours, theirs in both]
    st.markdown("\n".join(["| base | teacher |", "|---|---|", *rows]))
    st.button(
        f"Force {visible(text)} and open in Explore",
        type="primary",
        width="stretch",
        disabled=state.opened.busy or token_id == chain.token_ids[position],
        help="The base continues from there, in a branch of this chain",
        on_click=_force,
        args=(state, run, record, problem, position, token_id),
    )


def _alternatives(tokens: Sequence[str], logprobs: NDArray[np.float32]) -> list[str]:
    """Markdown: a model's most probable tokens, each with its probability."""
    return [
        f"{plain(visible(token))} :small[{_p(logprob)}]"
        for token, logprob in zip(tokens, logprobs, strict=True)
    ]


def _p(logprob: float) -> str:
    return percent(float(np.exp(logprob)))


def _on_force(
    state: BrowserState,
    run: Run,
    record: ComparedChain,
    problem: Problem,
    read: ReadChain,
    chain_id: str,
) -> None:
    """Handle the keys 1 to 5, which force one of the base's alternatives."""
    wish = read_heatmap(_HEATMAP).force
    top = read.chain.statistics.top_ids
    if wish is not None and wish.chain == chain_id and wish.i < len(top):
        _force(state, run, record, problem, wish.i, int(top[wish.i][wish.rank - 1]))


def _force(
    state: BrowserState,
    run: Run,
    record: ComparedChain,
    problem: Problem,
    position: int,
    token_id: int,
) -> None:
    try:
        spec = with_consent(state, compared_models(run)[0])
        settings = COMPARE.settings_of(run)
    except ExplorerError as error:
        state.notice = error
        return
    start_forcing(state.opened, spec, problem, record, settings, position, token_id)
    if state.opened.task is not None:
        state.opened.task.wait(2)
    ask_for("explore", session=state.opened.id)


@st.cache_resource(show_spinner=False, max_entries=4)
def _records(folder: str, changed: int) -> list[ComparedChain]:
    return COMPARE.records_of(Run.open(Path(folder)))
