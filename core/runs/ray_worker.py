"""A worker of a Ray cluster: a process, anywhere, that holds the models of a run.

It works in a temporary run folder of its own, with the config of the run it helps.
Imports no torch before the environment is that of the run.
"""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.errors import ExplorerError
from core.records import Problem


@dataclass(frozen=True)
class Assignment:
    """What a worker needs to know of a run; can be pickled."""

    kind: str  # the place of its `RunKind`, as module:name
    config: dict[str, Any]
    problems: dict[str, list[dict[str, Any]]]  # of every purpose
    precision: str | None  # the content of precision.json
    trust_remote_code: bool
    environment: dict[str, str]


@dataclass(frozen=True)
class Reply:
    """What a worker answers: a value, or an error that a person can act on."""

    value: Any = None
    error: ExplorerError | None = None


class RayWorker:
    """The actor. Its methods never raise an `ExplorerError`, which Ray would wrap."""

    def __init__(self, assignment: Assignment) -> None:
        os.environ.update(assignment.environment)
        self._assignment = assignment
        self._solve: Any = None

    def load(self) -> Reply:
        """Load the models and check the problems; replies with versions and precision."""
        try:
            return Reply(self._load())
        except ExplorerError as error:
            return Reply(error=_at_this_host(error))

    def solve(self, problems: list[dict[str, Any]]) -> Reply:
        """Solve problems; replies with their records as JSON."""
        try:
            records = self._solve([Problem(**each) for each in problems], lambda done, total: None)
        except ExplorerError as error:
            return Reply(error=_at_this_host(error))
        return Reply([record.to_json() for record in records])

    def _load(self) -> Mapping[str, Any]:
        from pkgutil import resolve_name

        from core.runs.config import RunConfig
        from core.runs.context import RunContext, Stop
        from core.runs.models import PRECISION
        from core.runs.progress_reports import ProgressReports, Report
        from core.runs.run import Run
        from core.system.environment import versions

        given = self._assignment
        sets = {name: [Problem(**each) for each in some] for name, some in given.problems.items()}
        config = RunConfig.model_validate(given.config)
        self._folder = tempfile.TemporaryDirectory(prefix="fork-explorer-")  # until this ends
        run = Run.of_config(Path(self._folder.name), config, sets)
        if given.precision is not None:
            (run.folder / PRECISION).write_text(given.precision, encoding="utf-8")
        reports = ProgressReports(run.log, 0.0, Report(), {}, bar=False)
        work = RunContext(run, Stop(), reports)
        units = resolve_name(given.kind).units_of(config.settings)
        self._solve = units.solver(work, given.trust_remote_code)
        taken = run.folder / PRECISION
        return {
            "versions": versions(),
            "precision": taken.read_text(encoding="utf-8") if taken.exists() else None,
        }


def problem_fields(problems: list[Problem]) -> list[dict[str, Any]]:
    """Problems as an assignment and `RayWorker.solve` have them."""
    return [asdict(each) for each in problems]


def _at_this_host(error: ExplorerError) -> ExplorerError:
    what = f"A worker on {platform.node()}: {error.what}"
    return type(error)(what, error.remedy)
