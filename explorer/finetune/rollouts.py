"""The rollouts of a run, cached for pages until the run changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from core.entropy import threshold_gate
from core.evaluation.records import ProblemSamples
from core.reasonmaxxer.rollouts import entropies_of_records, rollout_records
from core.runs.run import Run
from core.statistics import Estimate, ratio_over_chains
from core.thresholds.measurement import EntropyMeasurement
from explorer.shared.figures import changed_at


@dataclass(frozen=True, eq=False)
class Rollouts:
    """The rollouts that a run has sampled."""

    records: Sequence[ProblemSamples]
    entropies: tuple[NDArray[np.float32], ...]  # one a problem: of all its tokens, nats
    changed: int  # when the run's units last changed

    @property
    def tokens(self) -> int:
        """Number of sampled tokens."""
        return sum(map(len, self.entropies))

    @property
    def pass_rates(self) -> list[float]:
        """Of the problems."""
        return [record.pass_rate for record in self.records]

    @property
    def mixed(self) -> list[ProblemSamples]:
        """Problems with correct and wrong rollouts."""
        return [record for record in self.records if 0 < record.correct < record.n]


def rollouts_of(run: Run) -> Rollouts:
    """The rollouts that a run has sampled so far.

    Raises:
        RunError, ProblemError: settings or problems of the run can't be read.
    """
    return _read(str(run.folder), changed_at(run.units_path))


def share_above(run: Run, rollouts: Rollouts, tau: float) -> Estimate:
    """The share of all sampled tokens whose entropy is above tau (nats); its interval is over
    problems."""
    return _share(str(run.folder), rollouts.changed, tau, rollouts)


def measured_in(run: Run, rollouts: Rollouts) -> EntropyMeasurement:
    """The entropies of a run's rollouts, as a measurement of its model.

    Raises:
        RunError, ProblemError: settings or problems of the run can't be read.
    """
    return _measured(str(run.folder), rollouts.changed, rollouts)


@st.cache_resource(show_spinner=False, max_entries=4)
def _measured(folder: str, changed: int, _rollouts: Rollouts) -> EntropyMeasurement:
    return entropies_of_records(Run.open(Path(folder)), _rollouts.records)


@st.cache_resource(show_spinner=False, max_entries=4)
def _read(folder: str, changed: int) -> Rollouts:
    records = rollout_records(Run.open(Path(folder)))
    entropies = tuple(
        np.concatenate([np.asarray(each.entropy or (), np.float32) for each in record.samples])
        for record in records
    )
    return Rollouts(records, entropies, changed)


@st.cache_data(show_spinner=False, max_entries=200)
def _share(folder: str, changed: int, tau: float, _rollouts: Rollouts) -> Estimate:
    gated = [int(threshold_gate(entropy, tau).sum()) for entropy in _rollouts.entropies]
    return ratio_over_chains(gated, [len(entropy) for entropy in _rollouts.entropies])
