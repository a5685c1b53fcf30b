"""Measures what is missing, run after run, in the background of the server."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import streamlit as st

from core.claims.measuring import Missing, missing_runs
from core.claims.scope import Scope
from core.claims.table import claims_table
from core.runs import jobs
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.runs.status import RunState
from explorer.shared.run_estimate import known_estimate
from explorer.shared.run_panel import start
from explorer.state import BrowserState
from explorer.tasks import Task

_PLACE = "claims being measured"  # in Streamlit's session state
_LOOK = 0.3  # seconds between two looks at a run


class Queue:
    """Runs one after the other, each an ordinary run in its own process. What is finished stays,
    and a run that was begun is continued.

    Args:
        state: of the session that has asked for it.
        folder: of the runs.
        look: the scope as it is now.
        ids: of the claims; None: all.
    """

    def __init__(
        self,
        state: BrowserState,
        folder: RunsFolder,
        look: Callable[[], Scope],
        ids: Sequence[str] | None,
    ) -> None:
        self._state, self._folder, self._look, self._ids = state, folder, look, ids
        self._tried: set[str] = set()
        self.run: Run | None = None  # at work
        self.left = 0  # runs after it
        self.failed: list[str] = []
        self.task = Task("Measuring claims", self._work)

    @property
    def running(self) -> bool:
        """Whether there is more to do."""
        return self.task.running

    def cancel(self) -> None:
        """Stop within seconds; the run at work can be continued later."""
        self.task.cancel()

    def _work(self, task: Task) -> None:
        while not task.cancelled():
            following = self._next()
            if following is None:
                return
            self._tried.add(following.step.name)
            self.run = self._started(following)
            self._wait(task, self.run)
            if self.run.status().state is RunState.FAILED:
                self.failed.append(following.step.title)

    def _next(self) -> Missing | None:
        scope = self._look()
        rest = [
            each
            for each in missing_runs(scope, claims_table(scope, self._ids))
            if each.step.name not in self._tried and each.problem is None
        ]
        self.left = max(len(rest) - 1, 0)
        return next((each for each in rest if each.plan is not None), None)

    def _started(self, missing: Missing) -> Run:
        assert missing.plan is not None
        run = missing.run
        if run is None:
            estimate = known_estimate(self._state, missing.step.task, missing.plan)
            plan = replace(missing.plan, estimate=estimate)
            run = Run.create(self._folder.folder, missing.step.task, plan, name=missing.name)
        if not run.status().state.is_live:
            start(self._state, run, resume=run.has_begun)
        return run

    @staticmethod
    def _wait(task: Task, run: Run) -> None:
        asked = False
        while run.status().state.is_live:
            if task.cancelled() and not asked:
                asked = jobs.cancel(run)
            time.sleep(_LOOK)


def queue() -> Queue | None:
    """What this session measures or has measured last."""
    found: Queue | None = st.session_state.get(_PLACE)
    return found


def measure_claims(
    state: BrowserState,
    folder: RunsFolder,
    look: Callable[[], Scope],
    ids: Sequence[str] | None,
) -> None:
    """Begin to measure, unless something is being measured."""
    found = queue()
    if found is None or not found.running:
        st.session_state[_PLACE] = Queue(state, folder, look, ids)
