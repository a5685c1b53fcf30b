"""The table of claims as a report that a reviewer can repeat: what was measured, on which model, by
which runs, with which commands."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.claims.measuring import Missing
from core.claims.registry import PAPERS
from core.claims.scope import Scope, problems_of
from core.claims.table import ClaimRow, verdict_counts
from core.claims.wording import (
    ENOUGH,
    control_in_words,
    enough_in_words,
    figure_in_words,
    rule_in_words,
    verdict_in_words,
)
from core.errors import ExplorerError
from core.lora.run_files import run_of_adapter
from core.models.spec import DEMO, DEMO_NOTICE
from core.runs.estimate import duration
from core.runs.headline import counted
from core.runs.model_names import last_part, model_words, teacher_words
from core.runs.models import PRECISION
from core.runs.result_files import known
from core.runs.run import Run
from core.system.environment import versions
from core.system.json_text import json_text

Commands = Mapping[str, str]
"""The command of each run, by the run's id."""


@dataclass(frozen=True)
class RunFacts:
    """A run of a report."""

    id: str
    title: str  # its kind, or what it was for
    command: str  # "" where there is none
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class RowFacts:
    """A claim of a report, in words."""

    id: str
    sentence: str
    where: str  # section of the paper
    stated: str
    measured: tuple[str, ...]  # figures with their rules
    control: str
    verdict: str
    more: tuple[str, ...]
    runs: tuple[str, ...]  # their ids


@dataclass(frozen=True)
class Report:
    """A report, in words that are still to be escaped."""

    title: str
    facts: tuple[tuple[str, str], ...]
    notices: tuple[str, ...]
    papers: tuple[tuple[str, str, tuple[RowFacts, ...]], ...]  # title, address, claims
    runs: tuple[RunFacts, ...]


def make_report(
    scope: Scope, rows: Sequence[ClaimRow], missing: Sequence[Missing], commands: Commands
) -> Report:
    """The report of a table.

    Args:
        scope: of the table.
        rows: of the table.
        missing: runs that are still to be made.
        commands: of the runs in the table, and "measure": what makes the table again.
    """
    runs = {run.id: run for row in rows for run in row.runs.values() if row.finding is not None}
    of_teacher = {run.id: run for run in runs_of_teacher(scope)}
    counts = ", ".join(
        f"{verdict}: {count}" for verdict, count in verdict_counts(rows).items() if count
    )
    spec = scope.spec
    facts = [
        ("model", _model_name(scope)),
        ("revision", spec.revision or "none named"),
        ("teacher", "none" if scope.teacher is None else teacher_words(scope.teacher)),
        ("problems", f"{last_part(scope.set_name)} ({len(scope.problems):,})"),
        ("problems to learn from", last_part(scope.training_name) or "none"),
        ("verdicts", counts),
        ("time of all runs", duration(sum(run.status().elapsed or 0.0 for run in runs.values()))),
        ("report made", f"{datetime.now(UTC):%Y-%m-%d}, with {_versions(versions())}"),
        (AGAIN, commands.get(MEASURE, "")),
    ]
    notices = [DEMO_NOTICE] if spec.model == DEMO else []
    notices += [
        "A claim holds where the whole 95 % interval of each of its figures lies inside the bounds "
        "named beside it, and does not hold where one lies outside. A difference of accuracies "
        "within 5 points counts as none; this margin is ours, not the papers'.",
        f"The n that would tell is {ENOUGH}",
        f"{counted(len(rows), 'claim')} {'is' if len(rows) == 1 else 'are'} checked, each with a "
        "95 % interval: about one in twenty of true nulls looks clear by chance.",
    ]
    if missing:
        notices.append("Not measured yet: " + "; ".join(each.step.title for each in missing) + ".")
    return Report(
        f"Claims of three papers, checked on {_model_name(scope)}",
        tuple((label, value) for label, value in facts if value),
        tuple(notices),
        tuple(
            (
                f"{paper.short} (arXiv:{paper.arxiv})",
                paper.address,
                tuple(_row(row) for row in rows if row.claim.paper == paper),
            )
            for paper in PAPERS
            if any(row.claim.paper == paper for row in rows)
        ),
        tuple(
            _run(run, commands.get(run.id, ""), is_of_teacher=run.id in of_teacher)
            for run in (of_teacher | runs).values()
        ),
    )


def runs_of_teacher(scope: Scope) -> list[Run]:
    """The run that trained the teacher, after those that it learned from; none for a teacher that
    no run here has trained."""
    trained = None if scope.teacher is None else run_of_adapter(Path(scope.teacher))
    if trained is None:
        return []
    found: list[Run] = []
    for earlier in trained.config.inputs.values():
        with contextlib.suppress(ExplorerError):
            found.append(Run.open(Path(earlier)))
    return [*found, trained]


AGAIN = "to measure it again"
"""Label of that command."""

MEASURE = "measure"
"""Among the commands: the one that makes the table again."""


def table_json(
    scope: Scope, rows: Sequence[ClaimRow], missing: Sequence[Missing]
) -> dict[str, Any]:
    """The table as a JSON-ready dict; unknown values are null."""
    table: dict[str, Any] = {
        "model": scope.spec.model,
        "adapter": scope.spec.adapter,
        "revision": scope.spec.revision,
        "teacher": scope.teacher,
        "problems": scope.set_name,
        "teaching_model": scope.spec.model == DEMO,
        "claims": [_row_json(row) for row in rows],
        "missing": [
            {
                "run": each.step.title,
                "task": each.step.task,
                "claims": list(each.claims),
                "problem": None if each.problem is None else str(each.problem),
            }
            for each in missing
        ],
    }
    found: dict[str, Any] = known(table)
    return found


def _row_json(row: ClaimRow) -> dict[str, Any]:
    claim, finding = row.claim, row.finding
    record: dict[str, Any] = {
        "id": claim.id,
        "paper": claim.paper.arxiv,
        "section": claim.section,
        "sentence": claim.sentence,
        "stated": claim.stated,
        "numbers": list(claim.numbers),
        "verdict": str(row.verdict),
        "runs": {name: run.id for name, run in row.runs.items()},
        "error": None if row.problem is None else str(row.problem),
    }
    if finding is None:
        return record
    return record | {
        "exploratory": bool(finding.exploratory),
        "enough": finding.enough,
        "figures": [
            {
                "label": check.figure.label,
                "unit": check.figure.unit,
                "value": check.figure.estimate.value,
                "low": check.figure.estimate.low,
                "high": check.figure.estimate.high,
                "n": check.figure.estimate.n,
                "of": check.figure.of,
                "rule": rule_in_words(check),
                "verdict": str(check.verdict),
            }
            for check in finding.checks
        ],
        "control": control_in_words(finding),
        "more": list(finding.more),
    }


def _row(row: ClaimRow) -> RowFacts:
    claim, finding = row.claim, row.finding
    more: tuple[str, ...] = ()
    if row.problem is not None:
        more = (str(row.problem),)
    if finding is not None:
        said = (*finding.more, enough_in_words(finding), finding.exploratory, row.note)
        more = tuple(each for each in said if each)
    return RowFacts(
        claim.id,
        claim.sentence,
        claim.section,
        claim.stated,
        ()
        if finding is None
        else tuple(
            f"{each.figure.label}: {figure_in_words(each.figure)} ({rule_in_words(each)})"
            for each in finding.checks
        ),
        "" if finding is None else control_in_words(finding),
        verdict_in_words(row),
        more,
        () if finding is None else tuple(run.id for run in row.runs.values()),
    )


def _run(run: Run, command: str, *, is_of_teacher: bool) -> RunFacts:
    config = run.config
    elapsed = run.status().elapsed
    facts = {
        "problems": f"{len(problems_of(run)):,}",
        "seed": str(config.seed),
        "settings": json_text(config.settings),
        "precision": json_text(run.read_json(PRECISION) or config.model.get("dtype", "")),
        "versions": _versions(config.versions),
        "took": "" if not elapsed else duration(elapsed),
    }
    title = f"{config.task}, of the teacher" if is_of_teacher else config.task
    return RunFacts(
        run.id, title, command, tuple((name, value) for name, value in facts.items() if value)
    )


def _model_name(scope: Scope) -> str:
    if scope.spec.model == DEMO:
        return f"{DEMO}, a teaching model"
    return model_words(scope.spec.model, scope.spec.adapter)


def _versions(named: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in named.items())
