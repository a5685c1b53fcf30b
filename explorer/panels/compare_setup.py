"""What a comparison is to do: problems, teachers, seed."""

from __future__ import annotations

import streamlit as st

from core.compare.run import TASK, plan_comparison
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from explorer.panels.messages import plain, short
from explorer.panels.problem_sets import DEMO_SET, problem_sets, upload_problems
from explorer.panels.run_panel import start, start_button
from explorer.state import BrowserState
from explorer.teachers import known_teachers


def compare_setup(state: BrowserState, folder: RunsFolder) -> None:
    """The form, and the button that starts a run of its own."""
    sets = problem_sets(state)
    model = state.opened.spec.model
    known = known_teachers(model, folder)
    with st.container(key="study_bar"):
        chosen_set, number, go = st.columns([3, 2, 1.6], vertical_alignment="bottom")
    name = chosen_set.selectbox(
        "Problems from", list(sets), key=state.recall("compare set", DEMO_SET)
    )
    problems = sets[name]
    count = number.number_input(
        "How many of them",
        1,
        max(len(problems), 1),
        key=state.recall(f"compare count of {name} {len(problems)}", max(len(problems), 1)),
        help="Fewer than all are drawn at random by the seed",
    )
    chosen = st.multiselect(
        "Teachers",
        list(known),
        format_func=lambda each: known.get(each, each),
        key=state.recall(f"compare teachers of {model}", list(known)[:1]),
        placeholder="none yet: fine-tune or distil one, or name one below",
        help="The demo's own, and the adapters that finished runs here made for this model",
    )
    with st.expander("Other teacher, threshold, length, problems of your own", key="compare_more"):
        other = st.text_input(
            "Other teacher",
            key=state.recall("compare other", ""),
            placeholder="none",
            help="A model folder or hub id with the same vocabulary, or the folder of a LoRA "
            "adapter for this model",
        ).strip()
        left, middle, right = st.columns(3)
        tau = left.number_input(
            "Threshold τ (nats)",
            0.0,
            10.0,
            step=0.1,
            key=state.recall("compare tau", 1.2),
            help="For the share of the divergence above it",
        )
        limit = middle.number_input(
            "Max new tokens", 1, 65536, step=16, key=state.recall("compare limit", 256)
        )
        seed = right.number_input("Seed", 0, 2**32 - 1, key=state.recall("compare seed", 0))
        upload_problems(state, "compare_file")
    teachers = [*chosen, *([other] if other and other not in chosen else [])]
    st.caption(
        f"The model {plain(model)} writes a greedy chain of every problem; at each token every "
        "teacher is asked what it would have put there. The run goes on when you leave this page."
    )
    start_button(
        state,
        go,
        "Compare",
        lambda: _start(
            state,
            folder,
            name,
            int(count),
            teachers,
            {"tau": tau, "max_new_tokens": int(limit), "seed": int(seed)},
        ),
        type="primary",
        icon=":material/play_arrow:",
        disabled=not problems or not teachers,
    )


def _start(
    state: BrowserState,
    folder: RunsFolder,
    set_name: str,
    count: int,
    teachers: list[str],
    settings: dict[str, object],
) -> None:
    problems = problem_sets(state)[set_name]
    plan = plan_comparison(
        state.opened.spec,
        problems,
        settings,
        teachers=teachers,
        sample=count if count < len(problems) else None,
    )
    run = Run.create(folder.folder, TASK, **vars(plan), name=short(f"Comparison on {set_name}", 80))
    start(state, run)
    state.run_ids["compare"] = run.id
