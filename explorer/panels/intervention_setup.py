"""What an intervention run is to do: problems, arms, budgets, teacher, seed."""

from __future__ import annotations

import streamlit as st

from core.interventions.arms import ARMS
from core.interventions.run import TASK, plan_interventions
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from explorer.panels.messages import plain, short
from explorer.panels.problem_sets import DEMO_SET, problem_sets, upload_problems
from explorer.panels.run_panel import start, start_button
from explorer.state import BrowserState
from explorer.teachers import known_teachers

_ALL_BASE = [key for key, arm in ARMS.items() if not arm.needs_teacher]


def intervention_setup(state: BrowserState, folder: RunsFolder) -> None:
    """The form, and the button that starts a run of its own."""
    sets = problem_sets(state)
    with st.container(key="study_bar"):
        chosen_set, number, seed, go = st.columns([3, 2, 1.3, 1.6], vertical_alignment="bottom")
    name = chosen_set.selectbox(
        "Problems from", list(sets), key=state.recall("study set", DEMO_SET)
    )
    problems = sets[name]
    count = number.number_input(
        "How many of them",
        1,
        max(len(problems), 1),
        key=state.recall(f"study count of {name} {len(problems)}", max(len(problems), 1)),
        help="Fewer than all are drawn at random by the seed",
    )
    seed_value = seed.number_input("Seed", 0, 2**32 - 1, key=state.recall("study seed", 0))
    with st.expander("Teacher, arms, budgets, problems of your own", key="study_more"):
        teacher = _teacher(state, folder)
        allowed = list(ARMS) if teacher else _ALL_BASE
        arms = st.multiselect(
            "Arms",
            allowed,
            format_func=lambda key: ARMS[key].label,
            key=state.recall(f"study arms {bool(teacher)}", allowed),
            help="Arms that others build on are added by themselves",
        )
        st.caption("  \n".join(f"**{ARMS[key].label}** · {ARMS[key].sentence}" for key in allowed))
        left, middle, right, last = st.columns(4)
        settings = {
            "positions": left.number_input(
                "Positions k",
                1,
                100,
                key=state.recall("study k", 5),
                help="Highest-entropy ones, of base-only",
            ),
            "tau": middle.number_input(
                "Threshold τ (nats)",
                0.0,
                10.0,
                step=0.1,
                key=state.recall("study tau", 1.2),
                help="Entropy gate",
            ),
            "first_k": right.number_input(
                "First k of the oracle", 1, 100, key=state.recall("study first", 2)
            ),
            "max_new_tokens": last.number_input(
                "Max new tokens", 1, 65536, step=16, key=state.recall("study limit", 256)
            ),
        }
        upload_problems(state, "study_file")
    st.caption(
        f"Every problem is decoded greedily by the model {plain(state.opened.spec.model)}, once "
        "for every arm. The run goes on when you leave this page."
    )
    start_button(
        state,
        go,
        "Run",
        lambda: _start(
            state,
            folder,
            name,
            int(count),
            teacher,
            {**settings, "arms": arms, "seed": int(seed_value)},
        ),
        type="primary",
        icon=":material/play_arrow:",
        disabled=not problems or not arms,
    )


def _teacher(state: BrowserState, folder: RunsFolder) -> str:
    """The name of a teacher, known or typed; empty where there is none."""
    model = state.opened.spec.model
    known = known_teachers(model, folder)
    chosen = st.selectbox(
        "Teacher",
        list(known),
        index=None,
        format_func=lambda each: known.get(each, each),
        accept_new_options=True,
        key=state.recall(f"study teacher of {model}", None),
        placeholder="none: only the arms that need no teacher",
        help="Choose one, or type a model folder or hub id with the same vocabulary, or the "
        "folder of a LoRA adapter for this model",
    )
    return (chosen or "").strip()


def _start(
    state: BrowserState,
    folder: RunsFolder,
    set_name: str,
    count: int,
    teacher: str,
    settings: dict[str, object],
) -> None:
    problems = problem_sets(state)[set_name]
    plan = plan_interventions(
        state.opened.spec,
        problems,
        settings,
        teacher=teacher or None,
        sample=count if count < len(problems) else None,
    )
    run = Run.create(
        folder.folder, TASK, **vars(plan), name=short(f"Interventions on {set_name}", 80)
    )
    start(state, run)
    state.run_ids[TASK] = run.id
