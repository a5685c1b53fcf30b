"""The problems of an evaluation, each sample of each to open in Explore."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from core.errors import ExplorerError, RunError
from core.evaluation.records import ProblemSamples
from core.evaluation.results import EvaluationResults
from core.evaluation.task import EVALUATE
from core.records import Outcome, Problem, Verdict
from core.runs.models import read_model
from core.runs.run import Run
from explorer.navigation import ask_for
from explorer.shared.figures import changed_at
from explorer.shared.messages import VERDICT_SIGNS, short, show_error, verdict_badge
from explorer.shared.opening import start_opening_sample
from explorer.shared.run_panel import with_consent
from explorer.shared.verdict import verdict_reason
from explorer.state import BrowserState

_Samples = tuple[tuple[str, str | None], ...]  # (verdict, answer) of every sample
_GAINED, _LOST = "✗ → ✓ now solved", "✓ → ✗ no longer solved"


def evaluated_problems(
    state: BrowserState, run: Run, results: EvaluationResults, problems: Mapping[str, Problem]
) -> None:
    """Choose a problem and one of its samples, and open it."""
    try:
        found = _samples(str(run.folder), changed_at(run.units_path))
    except ExplorerError as error:
        show_error(error)
        return
    groups = _groups(results, found)
    if not groups:
        return
    st.markdown("**Problems and their chains**")
    with st.container(key="evaluation_chains"):
        which, chosen, sample, go = st.columns([2.4, 4, 2, 1.6], vertical_alignment="bottom")
    group = state.form.choice(
        which,
        "Show",
        f"group of {run.id}",
        list(groups),
        format_func=lambda key: f"{key} ({len(groups[key])})",
    )
    problem_id = state.form.choice(
        chosen,
        "Problem",
        f"problem of {run.id} {group}",
        groups[group],
        format_func=lambda key: _label(key, found[key], problems.get(key)),
    )
    samples = found[problem_id]
    number = state.form.choice(
        sample,
        "Sample",
        f"sample of {run.id} {group} {problem_id}",
        range(len(samples)),
        _telling(group, samples),
        format_func=lambda i: _sample_label(i, *samples[i]),
    )
    problem = problems.get(problem_id)
    verdict, answer = samples[number]
    outcome = Outcome(answer, Verdict(verdict), False)
    st.markdown(
        f"Sample {number + 1}: {verdict_badge(outcome)}",
        help=None if problem is None else verdict_reason(outcome, problem.answer),
    )
    go.button(
        "Open in Explore",
        type="primary",
        width="stretch",
        disabled=state.opened.busy,
        on_click=_open,
        args=(state, run, problem, number),
    )


def _groups(results: EvaluationResults, found: Mapping[str, _Samples]) -> dict[str, list[str]]:
    """Ids of problems by outcome; without empty groups."""
    right = {key: sum(map(_is_right, samples)) for key, samples in found.items()}
    groups: dict[str, list[str]] = {}
    if results.comparison is not None:
        groups[_GAINED] = [key for key in results.comparison.gained if key in found]
        groups[_LOST] = [key for key in results.comparison.lost if key in found]
    if results.samples > 1:
        groups["sometimes right"] = [k for k in found if 0 < right[k] < len(found[k])]
    groups["never right"] = [key for key in found if not right[key]]
    groups["always right"] = [key for key in found if right[key] == len(found[key])]
    groups["all"] = list(found)
    return {name: ids for name, ids in groups.items() if ids}


def _telling(group: str, samples: _Samples) -> int:
    """A sample that shows why a problem is in its group: a right one if it became solved, else a
    wrong one if there is any."""
    wanted = group == _GAINED
    return next((i for i, each in enumerate(samples) if _is_right(each) == wanted), 0)


def _is_right(sample: tuple[str, str | None]) -> bool:
    return sample[0] == Verdict.CORRECT


def _label(problem_id: str, samples: _Samples, problem: Problem | None) -> str:
    question = "" if problem is None else f" · {short(problem.question, 60)}"
    return f"{sum(map(_is_right, samples))}/{len(samples)} right · {problem_id}{question}"


def _sample_label(number: int, verdict: str, answer: str | None) -> str:
    said = "no answer" if answer is None else short(" ".join(answer.split()), 20)
    return f"#{number + 1} {VERDICT_SIGNS[Verdict(verdict)]} {said}"


@st.cache_data(show_spinner=False, max_entries=4)
def _samples(folder: str, changed: int) -> dict[str, _Samples]:
    """Verdict and answer of every sample, by problem; cached until the run changes."""
    records = EVALUATE.records_of(Run.open(Path(folder)))
    return {record.problem_id: _verdicts(record) for record in records}


def _verdicts(record: ProblemSamples) -> _Samples:
    return tuple((str(each.verdict), each.answer) for each in record.samples)


def _open(state: BrowserState, run: Run, problem: Problem | None, number: int) -> None:
    try:
        if problem is None:
            raise RunError(
                "This problem is not among the run's problems.",
                "The run's folder is damaged: copy it again, or repeat the run.",
            )
        spec = with_consent(state, read_model(run.config.model))
        settings = EVALUATE.settings_of(run)
        record = EVALUATE.record_of(run, problem.id)
    except ExplorerError as error:
        state.notice = error
        return
    start_opening_sample(state.opened, spec, problem, record, number, settings)
    if state.opened.task is not None:
        state.opened.task.wait(2)
    ask_for("explore", session=state.opened.id)
