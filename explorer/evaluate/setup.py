"""The form of an evaluation: problems, samples, sampler, and what to compare it with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import ExplorerError
from core.evaluation.settings import EvaluationSettings
from core.evaluation.task import EVALUATE, plan_evaluation
from core.problems.problem_sets import chosen_problems
from core.records import Problem
from core.runs.config import RunPlan
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.runs.status import RunState
from explorer.evaluate.protocol import protocol_fields
from explorer.shared.asking import CHANGE_ASKING, Asking, session_settings
from explorer.shared.fork_temperature import fork_temperature_fields
from explorer.shared.messages import short
from explorer.shared.problem_choice import ProblemChoice, choose_problems, set_key
from explorer.shared.prompt_panel import asked
from explorer.shared.run_estimate import estimate_line
from explorer.shared.run_panel import start_button, when
from explorer.shared.set_choice import upload_place
from explorer.shared.setting_fields import SettingFields
from explorer.shared.start_run import start_run
from explorer.state import BrowserState

_NOTHING = ""


def evaluation_setup(state: BrowserState, folder: RunsFolder) -> None:
    """The form, and the button that starts a run of its own."""
    form = state.form
    line = st.container()
    with st.container(key="evaluation_problems"):
        chosen_set, number, other, go = st.columns([3, 2, 3.4, 1.6], vertical_alignment="bottom")
    below = st.container()
    with st.container(key="evaluation_sampler"):
        samples, temperature, top_p, seed = st.columns(4, vertical_alignment="bottom")
    chosen = choose_problems(state, chosen_set, number, "evaluation")
    upload_place(state, {set_key("evaluation"): chosen.name}, "evaluation_file", below)
    defaults = session_settings(state, EvaluationSettings(), chosen.name)
    fields = SettingFields(form, defaults, "evaluation")
    fixed = protocol_fields(state, fields, chosen.name)
    more = st.expander(CHANGE_ASKING, key="evaluation_asking")
    at_forks = fork_temperature_fields(fields, more)
    greedy = fields.draw(temperature, "temperature", step=0.1, disabled=fixed) == 0 and not (
        at_forks and at_forks.temperature
    )
    drawn = fields.draw(samples, "samples", disabled=greedy or fixed)
    top_p_value = fields.draw(top_p, "top_p", step=0.05, disabled=fixed)
    fields.draw(seed, "seed")
    heat = fields.values["temperature"]
    sampling = "greedy" if greedy else f"temperature {heat:g}, top-p {top_p_value:g} (of this page)"
    if at_forks is not None:
        sampling += f", {at_forks.in_words}"
    asking = Asking(state, "evaluation", chosen.name, sampling)
    with more:
        left, right = st.columns(2)
        fields.draw(right, "max_new_tokens", step=16)
        fields.draw(right, "keep_entropy")
        choice = asked(state, left, "evaluation", chosen.problems, defaults, asking.typed)
    settings = fields.values | choice.settings()
    asking.line(line, settings, choice, chosen.count)
    if greedy:
        drawn = settings["samples"] = 1
    against = _compare_with(state, folder, other, chosen, settings["seed"])

    def plan() -> RunPlan:
        return plan_evaluation(
            state.opened.spec, chosen.problems, settings, sample=chosen.sample, against=against
        )

    start_button(
        state,
        go,
        "Run",
        lambda: start_run(state, folder, EVALUATE.name, plan(), f"Evaluation on {chosen.name}"),
        type="primary",
        icon=":material/play_arrow:",
        disabled=not chosen.problems,
    )
    st.caption(f"{chosen.count * drawn:,} chains. You can leave this page; the run continues.")
    if chosen.problems:
        estimate_line(state, EVALUATE.name, plan)


def _compare_with(
    state: BrowserState,
    folder: RunsFolder,
    place: DeltaGenerator,
    chosen: ProblemChoice,
    seed: int,
) -> str | None:
    """The folder of the earlier evaluation that a person chose."""
    problems = chosen.problems
    runs = _comparable(folder, chosen_problems(problems, chosen.sample, seed)) if problems else {}
    run = state.form.choice(
        place,
        "Compare with",
        "evaluation against",
        [_NOTHING, *runs],
        format_func=lambda key: _label(runs[key]) if key in runs else "nothing",
        disabled=not runs,
        help="A finished evaluation of exactly these problems: of another model, adapter or "
        "sampler. The difference is then paired, problem by problem."
        + ("" if runs else " There is none yet."),
    )
    return str(runs[run].folder) if run in runs else None


def _comparable(folder: RunsFolder, problems: Sequence[Problem]) -> dict[str, Run]:
    """Finished evaluations of the same problems by id, newest first."""
    wanted = _fingerprint(problems)
    try:
        runs = folder.list()
    except ExplorerError:
        return {}  # the page says what is wrong with the folder
    return {
        run.id: run
        for run in runs
        if run.config.task == EVALUATE.name
        and run.status().state is RunState.DONE
        and _fingerprint_of(str(run.folder), run.config.created) == wanted
    }


@st.cache_data(show_spinner=False, max_entries=1000)
def _fingerprint_of(folder: str, created: str) -> str | None:
    """Of a run's problems, which stay as they are for as long as the run lives."""
    try:
        return _fingerprint(Run.open(Path(folder)).problems())
    except ExplorerError:
        return None


def _fingerprint(problems: Sequence[Problem]) -> str:
    known = sorted((each.id, each.question, each.answer or "") for each in problems)
    return hashlib.sha256(repr(known).encode("utf-8", "replace")).hexdigest()


def _label(run: Run) -> str:
    config = run.config
    model = config.model.get("adapter") or config.model.get("model") or ""
    facts = [config.name or run.id, short(str(model), 40), f"seed {config.seed}"]
    return " · ".join([*facts, when(config.created)])
