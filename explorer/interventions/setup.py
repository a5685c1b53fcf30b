"""What an intervention run is to do: problems, arms, budgets, teacher, prompt, seed."""

from __future__ import annotations

import streamlit as st

from core.interventions.arms import ARMS
from core.interventions.task import INTERVENTIONS, plan_interventions
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from explorer.shared.messages import plain, short
from explorer.shared.problem_choice import ProblemChoice, choose_problems
from explorer.shared.problem_sets import upload_problems
from explorer.shared.prompt_panel import asked
from explorer.shared.run_panel import start, start_button
from explorer.shared.teachers import known_teachers
from explorer.state import BrowserState

_ALL_BASE = [key for key, arm in ARMS.items() if not arm.needs_teacher]


def intervention_setup(state: BrowserState, folder: RunsFolder) -> None:
    """The form, and the button that starts a run of its own."""
    form = state.form
    with st.container(key="study_bar"):
        chosen_set, number, seed, go = st.columns([3, 2, 1.3, 1.6], vertical_alignment="bottom")
    chosen = choose_problems(state, chosen_set, number, "study")
    seed_value = form.whole(seed, "Seed", "study seed", 0, 0, 2**32 - 1)
    with st.expander("Teacher, arms, budgets, prompt, problems of your own", key="study_more"):
        teacher = _teacher(state, folder)
        allowed = list(ARMS) if teacher else _ALL_BASE
        arms = form.several(
            st.container(),
            "Arms",
            f"study arms {bool(teacher)}",
            allowed,
            allowed,
            format_func=lambda key: ARMS[key].label,
            help="Arms that others build on are added by themselves",
        )
        st.caption("  \n".join(f"**{ARMS[key].label}** · {ARMS[key].sentence}" for key in allowed))
        left, middle, right, last = st.columns(4)
        settings: dict[str, object] = {
            "positions": form.whole(
                left,
                "Positions k",
                "study k",
                5,
                1,
                100,
                help="Highest-entropy ones, of base-only",
            ),
            "tau": form.real(
                middle,
                "Threshold τ (nats)",
                "study tau",
                1.2,
                0.0,
                10.0,
                0.1,
                help="Entropy gate",
            ),
            "first_k": form.whole(right, "First k of the oracle", "study first", 2, 1, 100),
            "max_new_tokens": form.whole(
                last, "Max new tokens", "study limit", 256, 1, 65536, step=16
            ),
        }
        settings |= asked(state, st.container(), "study", chosen.problems).settings()
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
            state, folder, chosen, teacher, {**settings, "arms": arms, "seed": seed_value}
        ),
        type="primary",
        icon=":material/play_arrow:",
        disabled=not chosen.problems or not arms,
    )


def _teacher(state: BrowserState, folder: RunsFolder) -> str:
    """The name of a teacher, known or typed; empty where there is none."""
    model = state.opened.spec.model
    known = known_teachers(model, folder)
    return state.form.choice_or_typed(
        st.container(),
        "Teacher",
        f"study teacher of {model}",
        list(known),
        format_func=lambda each: known.get(each, each),
        placeholder="none: only the arms that need no teacher",
        help="Choose one, or type a model folder or hub id with the same vocabulary, or the "
        "folder of a LoRA adapter for this model",
    )


def _start(
    state: BrowserState,
    folder: RunsFolder,
    chosen: ProblemChoice,
    teacher: str,
    settings: dict[str, object],
) -> None:
    plan = plan_interventions(
        state.opened.spec,
        chosen.problems,
        settings,
        teacher=teacher or None,
        sample=chosen.sample,
    )
    name = short(f"Interventions on {chosen.name}", 80)
    run = Run.create(folder.folder, INTERVENTIONS.name, plan, name=name)
    start(state, run)
    state.run_ids[INTERVENTIONS.name] = run.id
