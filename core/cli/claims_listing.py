"""The table of claims in a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.cli.claims_measuring import Measuring, left_in_words, measure_words
from core.models.spec import DEMO, DEMO_NOTICE
from core.system.terminal_text import printable

if TYPE_CHECKING:
    from core.claims.measuring import Missing
    from core.claims.scope import Scope
    from core.claims.table import ClaimRow


def show_claims(
    scope: Scope,
    rows: Sequence[ClaimRow],
    missing: Sequence[Missing],
    work: Measuring,
    ids: Sequence[str] | None,
) -> None:
    """Print the claims paper by paper, then the runs that are missing with their commands.

    Args:
        ids: of the claims that a person has named; None: all are shown.
    """
    from core.claims.registry import PAPERS
    from core.claims.table import verdict_counts

    for paper in PAPERS:
        own = [row for row in rows if row.claim.paper == paper]
        if own:
            print(f"{paper.short} (arXiv:{paper.arxiv})")
        for row in own:
            _show_row(row)
    counts = verdict_counts(rows)
    print(", ".join(f"{verdict}: {count}" for verdict, count in counts.items() if count))
    if scope.spec.model == DEMO:
        print(DEMO_NOTICE)
    needing = [row for row in rows if row.claim.needs_teacher and scope.teacher is None]
    if needing:
        print(f"{len(needing)} claims need a teacher: give --teacher.")
    if missing:
        _show_missing(missing, scope, work, ids)


def _show_row(row: ClaimRow) -> None:
    from core.claims.wording import (
        control_in_words,
        enough_in_words,
        figure_in_words,
        rule_in_words,
        verdict_in_words,
    )

    claim = row.claim
    _print(f"  {verdict_in_words(row)}: {claim.sentence} [{claim.id}]")
    _print(f"      paper, {claim.section}: {claim.stated}")
    if row.problem is not None:
        _print(f"      {row.problem}")
    if row.finding is None:
        return
    for check in row.finding.checks:
        _print(
            f"      {check.figure.label}: {figure_in_words(check.figure)} ({rule_in_words(check)})"
        )
    prefix = "" if isinstance(row.finding.control, str) else "control, "
    _print(f"      {prefix}{control_in_words(row.finding)}")
    said = (*row.finding.more, enough_in_words(row.finding), row.finding.exploratory, row.note)
    for each in filter(None, said):
        _print(f"      {each}")
    _print(f"      run: {', '.join(run.id for run in row.runs.values())}")


def _show_missing(
    missing: Sequence[Missing], scope: Scope, work: Measuring, ids: Sequence[str] | None
) -> None:
    from core.runs.estimate import duration

    print(f"Not measured yet, {len(missing)} runs:")
    estimates = [work.estimate(each, may_measure=False) for each in missing]
    for each, estimate in zip(missing, estimates, strict=True):
        took = "" if estimate is None else f", about {duration(estimate.seconds)}"
        _print(f"  {each.step.title}{took} ({', '.join(each.claims)})")
        if each.problem is not None:
            _print(f"      {each.problem}")
        command = work.command_of(each, scope)
        if command:
            _print(f"      {command}")
    words = [*measure_words(scope, ids), *work.folder_words]
    _print("Measure them with: " + shlex.join(["fork-explorer", "claims", *words]))
    if any(each is not None for each in estimates):
        _print(left_in_words(estimates))


def _print(line: str) -> None:
    """A line with text from files, which may come from elsewhere."""
    print(printable(line))
