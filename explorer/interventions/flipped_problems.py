"""The problems of a study: the answers of the base and of an arm, each to open at its token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.errors import ExplorerError, RunError
from core.interventions.results import ArmSummary, Flip, InterventionResults
from core.interventions.scoring import scored_arm
from core.interventions.task import INTERVENTIONS, run_models
from core.models.language_model import LanguageModel
from core.models.spec import ModelSpec
from core.records import Chain, Problem
from core.runs.run import Run
from core.stored_chains import StoredProblem, arms_of
from explorer.components.row_table import RichCell, RowTable
from explorer.navigation import ask_for
from explorer.shared.figures import changed_at
from explorer.shared.messages import show_error
from explorer.shared.opening import start_opening
from explorer.shared.problem_browser import ProblemBrowser, problem_browser
from explorer.shared.problem_table import problem_table
from explorer.shared.run_panel import with_consent
from explorer.shared.stored_chain_view import Score
from explorer.state import BrowserState

_BASE = "base"
_GAINED, _LOST = "now correct", "no longer correct"


@dataclass(frozen=True, eq=False)
class _Found:
    """What is read of a run and an arm once, until the run's files change."""

    stored: dict[str, StoredProblem]
    table: RowTable


def flipped_problems(
    state: BrowserState, run: Run, results: InterventionResults, problems: Mapping[str, Problem]
) -> None:
    """Choose an arm; filter, search and sort its problems; read a chain, and open it."""
    arms = {each.arm: each for each in results.arms if each.comparison is not None}
    if not arms:
        st.caption("This study compares no arm with the base.")
        return
    arm = state.form.choice(
        st.container(),
        "Arm to compare with the base",
        f"flips of {run.id}",
        list(arms),
        _most_flips(arms),
        format_func=lambda key: _arm_label(arms[key]),
    )
    flips = _flips(arms[arm])
    try:
        found = _read(
            str(run.folder),
            changed_at(run.units_path),
            changed_at(run.folder / "results.json"),
            arm,
        )
    except ExplorerError as error:
        show_error(error)
        return
    if not found.stored:
        return
    label = arms[arm].label
    problem_browser(
        state,
        ProblemBrowser(
            key="arms",
            table=found.table,
            stored=found.stored,
            problems=problems,
            names=["base", label],
            label="Chain",
            spec=_spec(state, run),
            telling=lambda row: 1,
            version=changed_at(run.units_path),
            score=lambda row, number: _scoring(run, problems[row], (_BASE, arm)[number]),
            open=lambda problem, number: _open(state, run, problem, arm),
            open_label="Open in Explore where the chains differ",
            facts=lambda row, number: _where(flips.get(row), number),
        ),
    )


def _arm_label(summary: ArmSummary) -> str:
    assert summary.comparison is not None
    gained, lost = len(summary.comparison.gained), len(summary.comparison.lost)
    return f"{summary.label} ({gained} now correct, {lost} no longer)"


def _most_flips(arms: Mapping[str, ArmSummary]) -> str:
    return max(arms, key=lambda key: len(_flips(arms[key])))


def _flips(summary: ArmSummary) -> dict[str, Flip]:
    assert summary.comparison is not None
    both = (*summary.comparison.gained, *summary.comparison.lost)
    return {each.problem_id: each for each in both}


def _where(flip: Flip | None, number: int) -> str:
    return "" if flip is None or flip.position is None or number == 0 else f"at #{flip.position}"


@st.cache_resource(show_spinner=False, max_entries=8)
def _read(folder: str, units_changed: int, results_changed: int, arm: str) -> _Found:
    """Read the chains of the base and an arm; the numbers are when the run's files changed."""
    run = Run.open(Path(folder))
    records = INTERVENTIONS.records_of(run)
    have = [each for each in records if arm in {chain.arm for chain in each.chains}]
    stored = {each.problem_id: arms_of(each, (_BASE, arm)) for each in have}
    results = INTERVENTIONS.results_of(run)
    summary = next((each for each in results.arms if each.arm == arm), None) if results else None
    flips = {} if summary is None or summary.comparison is None else _flips(summary)
    gained = [key for key in flips if stored[key].chains[1].correct] if stored else []
    problems = {problem.id: problem for problem in run.problems()}
    table = problem_table(
        f"study {run.id} {arm}",
        list(stored.values()),
        problems,
        filters={
            _GAINED: gained,
            _LOST: [key for key in flips if key not in gained],
            "both correct": [key for key, each in stored.items() if each.correct == 2],
            "both wrong": [key for key, each in stored.items() if each.correct == 0],
        },
        notes={
            key: RichCell(f"#{flip.position}", flip.position)
            for key, flip in flips.items()
            if flip.position is not None
        },
        note_label="Token",
    )
    return _Found(stored, table)


def _spec(state: BrowserState, run: Run) -> ModelSpec | None:
    """The base; None if it can't be read, which opening a chain says."""
    try:
        return with_consent(state, run_models(run)[0])
    except ExplorerError:
        return None


def _scoring(run: Run, problem: Problem, arm: str) -> Score:
    def score(lm: LanguageModel) -> Chain:
        record = INTERVENTIONS.record_of(run, problem.id)
        return scored_arm(lm, problem, record, arm, INTERVENTIONS.settings_of(run))

    return score


def _open(state: BrowserState, run: Run, problem: Problem | None, arm: str) -> None:
    try:
        if problem is None:
            raise RunError(
                "This problem is not among the run's problems.",
                "The run's folder is damaged: copy it again, or repeat the run.",
            )
        spec, _ = run_models(run)
        settings = INTERVENTIONS.settings_of(run)
        record = INTERVENTIONS.record_of(run, problem.id)
    except ExplorerError as error:
        state.notice = error
        return
    start_opening(
        state.opened,
        with_consent(state, spec),
        problem,
        record,
        arm,
        settings,
    )
    if state.opened.task is not None:
        state.opened.task.wait(2)
    ask_for("explore", session=state.opened.id)
