"""Starts what a form has set up as a run of its own, and shows it."""

from __future__ import annotations

from core.kinds import KINDS
from core.runs.config import RunPlan
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from explorer.shared.messages import short
from explorer.shared.run_estimate import estimated
from explorer.shared.run_form import form_was_used
from explorer.shared.run_panel import start
from explorer.state import BrowserState

_NAME = 80  # characters of a run's name


def start_run(state: BrowserState, folder: RunsFolder, task: str, plan: RunPlan, name: str) -> None:
    """Start a run, and show it on the page of its kind.

    Args:
        state: of the session.
        folder: of the runs.
        task: the kind of run.
        plan: of the run.
        name: of the run; a long one is cut.

    Raises:
        ExplorerError: the run can't be made or started.
    """
    plan = estimated(state, task, plan)
    run = Run.create(folder.folder, task, plan, name=short(name, _NAME))
    page = KINDS[task].page
    state.run_ids[page] = run.id
    form_was_used(page)
    start(state, run)
