"""The problems of an evaluation: a table with every sample, its chain beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.errors import ExplorerError, RunError
from core.evaluation.results import EvaluationResults
from core.evaluation.scoring import scored_sample
from core.evaluation.task import EVALUATE
from core.models.language_model import LanguageModel
from core.models.spec import ModelSpec
from core.records import Chain, Problem
from core.runs.models import read_model
from core.runs.run import Run
from core.stored_chains import StoredProblem, samples_of
from core.system.garbage import no_search_for_garbage
from explorer.components.row_table import RowTable
from explorer.navigation import ask_for
from explorer.shared.figures import changed_at
from explorer.shared.messages import show_error
from explorer.shared.opening import start_opening_sample
from explorer.shared.problem_browser import ProblemBrowser, problem_browser
from explorer.shared.problem_table import outcome_filters, problem_table
from explorer.shared.run_panel import with_consent
from explorer.shared.stored_chain_view import Score
from explorer.state import BrowserState

_GAINED, _LOST = "now solved", "no longer solved"


@dataclass(frozen=True, eq=False)
class _Found:
    """What is read of a run once, until its files change."""

    stored: dict[str, StoredProblem]
    table: RowTable
    gained: frozenset[str]


def evaluated_problems(
    state: BrowserState, run: Run, results: EvaluationResults, problems: Mapping[str, Problem]
) -> None:
    """Filter, search and sort the problems; read any sample, and open it in Explore."""
    changed = changed_at(run.units_path)
    comparison = results.comparison
    gained, lost = ((), ()) if comparison is None else (comparison.gained, comparison.lost)
    try:
        found = read_stored(str(run.folder), changed, gained, lost)
    except ExplorerError as error:
        show_error(error)
        return
    if not found.stored:
        return
    n = results.samples
    problem_browser(
        state,
        ProblemBrowser(
            key="evaluated",
            table=found.table,
            stored=found.stored,
            problems=problems,
            names=[str(i + 1) for i in range(n)],
            label="Sample",
            spec=_spec(state, run),
            telling=lambda row: _telling(found.stored[row], row in found.gained),
            version=changed,
            score=lambda row, number: _scoring(run, problems[row], number),
            open=lambda problem, number: _open(state, run, problem, number),
        ),
    )


def _telling(found: StoredProblem, gained: bool) -> int:
    """A sample that shows why a problem is in its group: a correct one if it is now solved, else a
    wrong one if there is any."""
    return next((i for i, each in enumerate(found.chains) if each.correct == gained), 0)


@st.cache_resource(show_spinner=False, max_entries=4)
def read_stored(
    folder: str, changed: int, gained: tuple[str, ...], lost: tuple[str, ...]
) -> _Found:
    """Read a run's chains; `changed` is when its file was."""
    run = Run.open(Path(folder))
    with no_search_for_garbage():
        stored = {each.problem_id: samples_of(each) for each in EVALUATE.records_of(run)}
        problems = {problem.id: problem for problem in run.problems()}
        filters = {_GAINED: gained, _LOST: lost, **outcome_filters(list(stored.values()))}
        table = problem_table(
            f"evaluation {run.id}", list(stored.values()), problems, filters=filters
        )
    return _Found(stored, table, frozenset(gained))


def _spec(state: BrowserState, run: Run) -> ModelSpec | None:
    """The run's model; None if it can't be read, which opening a chain says."""
    try:
        return with_consent(state, read_model(run.config.model))
    except ExplorerError:
        return None


def _scoring(run: Run, problem: Problem, number: int) -> Score:
    def score(lm: LanguageModel) -> Chain:
        record = EVALUATE.record_of(run, problem.id)
        return scored_sample(lm, problem, record, number, EVALUATE.settings_of(run))

    return score


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
    start_opening_sample(
        state.opened, spec, problem, record, number, settings, first_fork_above=state.tau
    )
    if state.opened.task is not None:
        state.opened.task.wait(2)
    ask_for("explore", session=state.opened.id)
