"""The table of claims for a model: what its runs say, and what is still to be measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from core.claims.claim import Claim, Finding
from core.claims.registry import chosen_claims
from core.claims.rules import Verdict
from core.claims.scope import Scope, problems_of
from core.claims.steps import Step, found_runs
from core.errors import ExplorerError, RunError
from core.problems.set_name import set_with
from core.runs.kind import RESULTS
from core.runs.run import Run


@dataclass(frozen=True)
class ClaimRow:
    """A claim on a model.

    Attributes:
        runs: that answer it, by the names of their steps; not all of them while it isn't measured.
        finding: what they say; None while it isn't measured.
        problem: why the runs don't answer it, or None.
        note: which of several runs was taken; "" where only one fits.
    """

    claim: Claim
    runs: Mapping[str, Run]
    finding: Finding | None
    problem: ExplorerError | None = None
    note: str = ""

    @property
    def verdict(self) -> Verdict:
        """What is known of the claim."""
        return Verdict.NOT_MEASURED if self.finding is None else self.finding.verdict

    @property
    def missing(self) -> tuple[Step, ...]:
        """Steps whose run has still to be made."""
        if self.finding is not None:
            return ()
        return tuple(step for step in self.claim.steps if step.name not in self.runs)


def claims_table(scope: Scope, ids: Sequence[str] | None = None) -> list[ClaimRow]:
    """One row a claim, in the order in which they are shown.

    Args:
        scope: model, teacher, problems and runs.
        ids: of the claims; None: all.

    Raises:
        RunError: an unknown id.
    """
    return [_row(claim, scope) for claim in chosen_claims(ids)]


def verdict_counts(rows: Sequence[ClaimRow]) -> dict[Verdict, int]:
    """How many claims have each verdict."""
    return {verdict: sum(row.verdict is verdict for row in rows) for verdict in Verdict}


def _row(claim: Claim, scope: Scope) -> ClaimRow:
    if claim.needs_teacher and scope.teacher is None:
        return ClaimRow(claim, {}, None)
    runs, complete = found_runs(claim.steps, scope)
    if not complete:
        return ClaimRow(claim, runs, None)
    try:
        finding = _read(_Key(claim, scope, runs))
    except ExplorerError as error:
        return ClaimRow(claim, runs, None, error)
    if finding is None:
        return ClaimRow(claim, runs, None, _lacking(runs))
    return ClaimRow(claim, runs, finding, note=_choice(claim, scope, runs))


def _lacking(runs: Mapping[str, Run]) -> ExplorerError:
    return RunError(
        f"The figure of this claim is missing in {', '.join(run.id for run in runs.values())}: "
        "nothing was there to count, or a training failed.",
        "Open that run under Runs to see why, or measure with other settings.",
    )


class _Key:
    """Equal for the same runs with the same results, so that they are read once."""

    def __init__(self, claim: Claim, scope: Scope, runs: Mapping[str, Run]) -> None:
        self.claim, self.scope, self.runs = claim, scope, runs
        self._key = (
            claim,
            scope.teacher,
            *((str(run.folder), run.config.created, _changed(run)) for run in runs.values()),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


@lru_cache(maxsize=500)
def _read(key: _Key) -> Finding | None:
    finding = key.claim.read(key.runs, key.scope)
    if finding is None:
        return None
    return _explored(finding, key.runs)


def _changed(run: Run) -> int:
    try:
        return (run.folder / RESULTS).stat().st_mtime_ns
    except OSError:
        return 0


def _explored(finding: Finding, runs: Mapping[str, Run]) -> Finding:
    """Settings that were measured on the very problems make a finding exploratory."""
    if finding.exploratory:
        return finding
    for run in runs.values():
        own = set_with(problems_of(run))
        for name, origin in run.config.thresholds.items():
            measured = origin.get("measurement", {}) if isinstance(origin, dict) else {}
            if own is not None and measured.get("problem_set") == own:
                why = f"Exploration: {name} was measured on the same problems."
                return Finding(finding.checks, finding.control, finding.more, why)
    return finding


def _choice(claim: Claim, scope: Scope, runs: Mapping[str, Run]) -> str:
    """Which run was taken where several fit; findings of several runs are never pooled."""
    said = []
    for step in claim.steps:
        fitting, taken = step.candidates(scope), runs[step.name]
        if len(fitting) < 2:
            continue
        why = f"is {taken.id}, which belongs to the others"
        if taken is fitting[0]:
            most = len(problems_of(taken, step.purpose))
            why = f"is the latest of those with the most problems ({most})"
        said.append(f"{len(fitting)} runs fit ({step.title}); the one taken {why}.")
    return " ".join(said)
