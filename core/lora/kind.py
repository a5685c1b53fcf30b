"""A kind of run that trains: it goes through phases, each of which is kept when it ends."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.lora.run_files import CHECKPOINTS
from core.runs.kind import RESULTS, IndependentUnits, RunKind, S, T
from core.runs.settings import checked_settings

if TYPE_CHECKING:
    from core.runs.context import RunContext


@dataclass(frozen=True, kw_only=True)
class TrainingKind(RunKind[S, T]):
    """A kind of run that goes through phases: rollouts, accuracy before, training, accuracy after.

    Attributes:
        phases: goes through them and returns the results. Called with the run, its settings, and
            whether the base's own Python code may run; it skips what earlier starts have finished.
        units: how a kind of one phase keeps its units, by its settings.
    """

    phases: Callable[[RunContext, S, bool], T]
    units: Callable[[S], IndependentUnits] | None = None

    @property
    def is_divisible(self) -> bool:
        """Only a kind that doesn't train; as `RunKind`."""
        return self.units is not None

    def units_of(self, settings: Mapping[str, Any]) -> IndependentUnits | None:
        """How the kind keeps its units; None for one that trains. As `RunKind`."""
        return None if self.units is None else self.units(checked_settings(self.settings, settings))

    def carry_out(self, work: RunContext, *, trust_remote_code: bool = False) -> None:
        """Go through the phases, then write the results; as `RunKind`."""
        results = self.phases(work, self.settings_of(work.run), trust_remote_code)
        self._write(work, RESULTS, results)
        with contextlib.suppress(OSError):
            shutil.rmtree(work.run.folder / CHECKPOINTS)  # the adapter is what they were for
