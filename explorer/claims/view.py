"""What the screen of claims shows now: the table, what is missing, how long it would take."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import streamlit as st

from core.claims.measuring import Missing, estimate_of, missing_runs
from core.claims.scope import Scope
from core.claims.table import ClaimRow, claims_table
from core.errors import ExplorerError
from core.runs.estimate import RunEstimate
from core.runs.runs_folder import RunsFolder
from explorer.claims.queue import queue
from explorer.claims.setup import ClaimsSetup
from explorer.shared.run_estimate import known_estimate, measure
from explorer.state import BrowserState
from explorer.tasks import Task

_FRESH = 0.8  # seconds
_MEASURING = "measuring for claims"  # in Streamlit's session state


@dataclass(frozen=True)
class Shown:
    """The table at one moment."""

    scope: Scope
    rows: list[ClaimRow]
    missing: list[Missing]
    estimates: dict[str, RunEstimate | None]  # of the missing runs, by the name of their step

    def missing_for(self, row: ClaimRow) -> list[Missing]:
        """The runs that a claim waits for."""
        return [each for each in self.missing if row.claim.id in each.claims]


class ClaimsView:
    """Reads runs and results at most every so often: a draw asks several times."""

    def __init__(self, state: BrowserState, folder: RunsFolder, setup: ClaimsSetup) -> None:
        self.state, self.folder, self.setup = state, folder, setup
        self._shown: Shown | None = None
        self._read_at = -math.inf

    def look(self) -> Scope:
        """The scope as it is now.

        Raises:
            ExplorerError: problems or runs can't be read.
        """
        return self.setup.scope(self.folder)

    def read(self) -> Shown:
        """The table.

        Raises:
            ExplorerError: problems or runs can't be read.
        """
        if self._shown is None or time.monotonic() - self._read_at > _FRESH:
            scope = self.look()
            rows = claims_table(scope)
            missing = missing_runs(scope, rows)
            estimates = {each.step.name: self._estimate(each) for each in missing}
            self._shown = Shown(scope, rows, missing, estimates)
            self._read_at = time.monotonic()
        return self._shown

    def changing(self) -> bool:
        """Whether something is being measured."""
        found, timing = queue(), self.timing
        if (found is not None and found.running) or (timing is not None and timing.running):
            return True
        return any(each.is_live for each in self.read().missing)

    @property
    def timing(self) -> Task | None:
        """The measurement that estimates need, at work or done."""
        found: Task | None = st.session_state.get(_MEASURING)
        return found

    def time_it(self) -> None:
        """Measure how long the missing runs take."""
        planned = [
            (each.step.task, plan)
            for each in self.read().missing
            if (plan := each.plan or each.sketch) is not None
        ]
        st.session_state[_MEASURING] = measure(self.state, planned)

    def _estimate(self, missing: Missing) -> RunEstimate | None:
        try:
            return estimate_of(missing, lambda task, plan: known_estimate(self.state, task, plan))
        except ExplorerError:
            return None
