"""What an evaluation is to do: problems, samples, sampler, and what to compare it with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from core.errors import ExplorerError
from core.evaluation.run import TASK, plan_evaluation
from core.problems import chosen_problems
from core.prompts import PLACEHOLDER, PROMPT_STYLES
from core.records import Problem
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.runs.status import RunState
from explorer.panels.messages import plain, short
from explorer.panels.problem_sets import DEMO_SET, problem_sets, upload_problems
from explorer.panels.prompt_panel import prompt_shown
from explorer.panels.run_panel import start, start_button, when
from explorer.state import BrowserState

_MODEL_STYLE = "the model's own"
_NOTHING = ""


def evaluation_setup(state: BrowserState, folder: RunsFolder) -> None:
    """The form, and the button that starts a run of its own."""
    sets = problem_sets(state)
    with st.container(key="evaluation_problems"):
        chosen_set, number, other, go = st.columns([3, 2, 3.4, 1.6], vertical_alignment="bottom")
    with st.container(key="evaluation_sampler"):
        samples, temperature, top_p, seed = st.columns(4, vertical_alignment="bottom")
    name = chosen_set.selectbox(
        "Problems from", list(sets), key=state.recall("evaluation set", DEMO_SET)
    )
    problems = sets[name]
    count = number.number_input(
        "How many of them",
        1,
        max(len(problems), 1),
        key=state.recall(f"evaluation count of {name} {len(problems)}", max(len(problems), 1)),
        help="Fewer than all are drawn at random by the seed",
    )
    heat = temperature.number_input(
        "Temperature",
        0.0,
        5.0,
        step=0.1,
        key=state.recall("evaluation temperature", 0.6),
        help="0 is greedy: one sample a problem",
    )
    drawn = samples.number_input(
        "Samples a problem",
        1,
        1024,
        key=state.recall("evaluation samples", 4),
        disabled=heat == 0,
        help="Chains drawn from each problem: more of them make pass@k reach further and the "
        "mean of each problem steadier",
    )
    settings: dict[str, object] = {
        "samples": int(drawn) if heat else 1,
        "temperature": heat,
        "top_p": top_p.number_input(
            "Top-p",
            0.01,
            1.0,
            step=0.05,
            key=state.recall("evaluation top-p", 0.95),
            help="1 is off",
        ),
        "seed": int(
            seed.number_input("Seed", 0, 2**32 - 1, key=state.recall("evaluation seed", 0))
        ),
    }
    with st.expander("Prompt style, length, problems of your own", key="evaluation_more"):
        settings |= _prompt(state, problems[0] if problems else None)
        upload_problems(state, "evaluation_file")
    sample = int(count) if count < len(problems) else None
    against = _compare_with(state, folder, other, problems, sample, int(str(settings["seed"])))
    start_button(
        state,
        go,
        "Run",
        lambda: _start(state, folder, name, sample, settings, against),
        type="primary",
        icon=":material/play_arrow:",
        disabled=not problems,
    )
    spec = state.opened.spec
    adapter = f" with the adapter {plain(spec.adapter)}" if spec.adapter else ""
    chains = int(count) * int(str(settings["samples"]))
    st.caption(
        f"{chains:,} chains by the model {plain(spec.model)}{adapter}, chosen in the sidebar. "
        "The run goes on when you leave this page."
    )


def _prompt(state: BrowserState, problem: Problem | None) -> dict[str, object]:
    left, right = st.columns(2)
    style = left.selectbox(
        "Prompt style",
        [_MODEL_STYLE, *PROMPT_STYLES],
        key=state.recall("evaluation style", _MODEL_STYLE),
    )
    limit = right.number_input(
        "Max new tokens", 1, 65536, step=16, key=state.recall("evaluation limit", 256)
    )
    template = None
    if style == "plain":
        template = st.text_area(
            "Template",
            key=state.recall("evaluation template", PLACEHOLDER),
            help=f"{PLACEHOLDER} is the question",
        )
    chosen = None if style == _MODEL_STYLE else style
    if problem is not None:
        st.caption(f"How {plain(problem.id)} is asked:")
        prompt_shown(state, problem, chosen, template)
    return {
        "prompt_style": chosen,
        "template": template,
        "max_new_tokens": int(limit),
    }


def _compare_with(
    state: BrowserState,
    folder: RunsFolder,
    place: st.delta_generator.DeltaGenerator,
    problems: Sequence[Problem],
    sample: int | None,
    seed: int,
) -> str | None:
    """The folder of the earlier evaluation that a person chose."""
    runs = _comparable(folder, chosen_problems(problems, sample, seed)) if problems else {}
    key = state.recall("evaluation against", _NOTHING)
    if st.session_state[key] not in runs:
        st.session_state[key] = _NOTHING
    chosen = place.selectbox(
        "Compare with",
        [_NOTHING, *runs],
        key=key,
        format_func=lambda key: _label(runs[key]) if key in runs else "nothing",
        disabled=not runs,
        help="A finished evaluation of exactly these problems: of another model, adapter or "
        "sampler. The difference is then paired, problem by problem."
        + ("" if runs else " There is none yet."),
    )
    return str(runs[chosen].folder) if chosen in runs else None


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
        if run.config.task == TASK
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


def _start(
    state: BrowserState,
    folder: RunsFolder,
    set_name: str,
    sample: int | None,
    settings: dict[str, object],
    against: str | None,
) -> None:
    plan = plan_evaluation(
        state.opened.spec,
        problem_sets(state)[set_name],
        settings,
        sample=sample,
        against=against,
    )
    run = Run.create(folder.folder, TASK, **vars(plan), name=short(f"Evaluation on {set_name}", 80))
    start(state, run)
    state.run_ids[TASK] = run.id
