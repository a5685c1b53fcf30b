"""What the intervention study has found: one summary an arm, and its curves."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter

from core.chains.judging import VERDICTS
from core.interventions.arms import ARMS
from core.interventions.curves import CURVES
from core.records import SCHEMA_VERSION
from core.runs.result_files import (
    Cell,
    interval_cells,
    known,
    reading_results,
    spreadsheet_safe,
    unknown,
    without,
)
from core.statistics import Estimate


@dataclass(frozen=True)
class Flip:
    """A problem whose verdict an arm changed, and the position at which to open its chain."""

    problem_id: str
    position: int | None  # its first changed token; without one, the first that differs
    token_id: int | None  # at that position of the arm's chain


@dataclass(frozen=True)
class Comparison:
    """An arm compared with another one, problem by problem.

    The difference is of accuracies, arm less reference; between a sweep and its control, of the
    shares of attempts that rescue a chain that is not correct. Against the base a sweep has
    neither word nor p-value: it can't lose, since one right attempt of many is enough.
    """

    reference: str  # the other arm
    difference: Estimate
    mcnemar_p: float | None
    word: str | None  # "better", "no measurable difference" or "worse"
    gained: tuple[Flip, ...]  # wrong -> right
    lost: tuple[Flip, ...]  # right -> wrong


@dataclass(frozen=True)
class TokensPut:
    """How many tokens an arm put into its chains."""

    tokens: int  # in all its chains
    touched: int  # positions where it put a token
    changed: int  # of these, where the token differs from the base's choice
    touched_per_chain: float
    changed_per_chain: float
    touched_share: Estimate  # of all tokens
    changed_share: Estimate
    mean_base_rank: float | None  # of the tokens it put, in the base's order


@dataclass(frozen=True)
class SweepCounts:
    """The attempts of a sweep on the chains that are not correct, and how many are right."""

    recovered: Estimate  # share of these chains with at least one right attempt
    chains_recovered: int
    rescues: Estimate  # share of attempts that are right
    attempts: int  # tokens tried
    attempts_right: int


@dataclass(frozen=True)
class ArmSummary:
    """One arm over all problems.

    A sweep makes many attempts and is right when one of them is, so it can only gain on the base:
    the evidence is the comparison with its control.
    """

    arm: str
    label: str
    n: int
    verdicts: dict[str, int]  # by verdict; they add up to n
    truncated: int  # chains that reached the limit of new tokens, whatever their verdict
    accuracy: Estimate
    comparison: Comparison | None  # with the arm's reference, the base for most; None for itself
    against_control: Comparison | None  # if the arm has a control that was run
    put: TokensPut | None  # None for arms that put no tokens
    sweep: SweepCounts | None  # only for sweeps


@dataclass(frozen=True)
class CurvePoint:
    """A point of a curve, and its random control."""

    value: float  # tau in nats, or a number of tokens
    arm: ArmSummary
    control: ArmSummary


@dataclass(frozen=True)
class Curve:
    """Accuracy over thresholds or budgets."""

    key: str  # of `core.interventions.curves.CURVES`
    points: tuple[CurvePoint, ...]  # smallest value first


@dataclass(frozen=True)
class InterventionResults:
    """All arms, in the order of `core.interventions.arms.ARMS`, and all curves."""

    n: int  # problems
    arms: tuple[ArmSummary, ...]
    curves: tuple[Curve, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict; unknown values (n = 0) are null. Without curves it says nothing of
        them."""
        found = {"schema_version": SCHEMA_VERSION, **known(asdict(self))}
        return found if self.curves else without(found, "curves")

    @staticmethod
    def from_json(data: Any) -> InterventionResults:
        """Read what `to_json` wrote.

        Raises:
            FileError: of a newer version, or damaged.
        """
        with reading_results(data):
            results = _ADAPTER.validate_python(unknown(data))
            for each in results.arms:
                if each.arm not in ARMS or each.verdicts.keys() != set(VERDICTS):
                    raise ValueError(f"unknown arm {each.arm!r}")
            unknown_curves = [each.key for each in results.curves if each.key not in CURVES]
            if unknown_curves:
                raise ValueError(f"unknown curve {unknown_curves[0]!r}")
        return results

    def to_rows(self) -> list[dict[str, Cell]]:
        """One flat row an arm, then one a point of a curve and one its control, for a table or a
        CSV file, with the same columns in all rows; None where a column doesn't apply. No cell is a
        formula to a spreadsheet."""
        points = [point for curve in self.curves for point in curve.points]
        pairs = [each for point in points for each in (point.arm, point.control)]
        rows = [_row(each) for each in (*self.arms, *pairs)]
        columns = dict.fromkeys(name for row in rows for name in row)
        return [{name: row.get(name) for name in columns} for row in rows]


def _row(summary: ArmSummary) -> dict[str, Cell]:
    row: dict[str, Cell] = {"arm": summary.label, "n": summary.n}
    row |= {name.replace("_", " "): count for name, count in summary.verdicts.items()}
    row |= {"truncated": summary.truncated, **interval_cells("accuracy", summary.accuracy)}
    if comparison := summary.comparison:
        other = comparison.reference  # of an arm in the teacher's chains it is the teacher
        row |= interval_cells(f"difference to {other}", comparison.difference)
        row |= {
            "McNemar p": comparison.mcnemar_p,
            f"against {other}": comparison.word or "can only gain",
            "wrong to correct": len(comparison.gained),
            "correct to wrong": len(comparison.lost),
            "problems gained": " ".join(flip.problem_id for flip in comparison.gained),
            "problems lost": " ".join(flip.problem_id for flip in comparison.lost),
        }
    if control := summary.against_control:
        row |= interval_cells("difference to control", control.difference)
        row |= {"against control": control.word}
    if put := summary.put:
        row |= {
            "tokens": put.tokens,
            "touched": put.touched,
            "changed": put.changed,
            "touched per chain": put.touched_per_chain,
            "changed per chain": put.changed_per_chain,
            **interval_cells("touched share", put.touched_share),
            **interval_cells("changed share", put.changed_share),
            "mean base rank": put.mean_base_rank,
        }
    if sweep := summary.sweep:
        row |= interval_cells("wrong chains recovered", sweep.recovered)
        row |= {
            "tokens tried": sweep.attempts,
            **interval_cells("tries that rescue", sweep.rescues),
        }
    return {name: spreadsheet_safe(value) for name, value in row.items()}


_ADAPTER = TypeAdapter(InterventionResults)
