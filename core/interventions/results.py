"""From the records of the intervention study to one summary an arm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from pydantic import TypeAdapter

from core.chains.judging import VERDICTS
from core.errors import ProblemError
from core.interventions.arm import Arm
from core.interventions.arms import ARMS
from core.interventions.curves import CURVES, PointArms
from core.interventions.records import ArmChain, ProblemRecord, SweepAttempt
from core.records import SCHEMA_VERSION, StopReason, Verdict
from core.runs.result_files import (
    Cell,
    interval_cells,
    known,
    reading_results,
    spreadsheet_safe,
    unknown,
    without,
)
from core.statistics import (
    Estimate,
    in_a_word,
    mcnemar,
    paired_difference,
    ratio_over_chains,
    share,
)


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


def summarise(
    records: Sequence[ProblemRecord], seed: int = 0, points: Sequence[PointArms] = ()
) -> InterventionResults:
    """One summary for every arm that all records have.

    Args:
        records: one a problem.
        seed: of the bootstraps.
        points: of the study's curves; those that all records have are summed up.

    Raises:
        ProblemError: a record without a verdict: its problem has no gold answer.
    """
    for record in records:
        if any(chain.verdict not in VERDICTS for chain in (*record.chains, *record.points)):
            raise ProblemError(
                f"Problem {record.problem_id} has no readable gold answer.",
                "Leave it out and run the study again.",
            )
    present = [{chain.arm for chain in (*record.chains, *record.points)} for record in records]
    shared = set.intersection(*present) if present else set()
    arms = tuple(_summary(records, arm, shared, seed) for key, arm in ARMS.items() if key in shared)
    measured = [each for each in points if {each.arm.key, each.control.key} <= shared]
    curves = [
        Curve(
            name,
            tuple(
                CurvePoint(
                    each.value,
                    _summary(records, each.arm, shared, seed),
                    _summary(records, each.control, shared, seed),
                )
                for each in measured
                if each.curve == name
            ),
        )
        for name in dict.fromkeys(each.curve for each in measured)
    ]
    return InterventionResults(len(records), arms, tuple(curves))


def _summary(
    records: Sequence[ProblemRecord], arm: Arm, present: Collection[str], seed: int
) -> ArmSummary:
    key = arm.key
    chains = [record.chain(key) for record in records]
    counts = Counter(chain.verdict for chain in chains)
    control = None
    if arm.control is not None and arm.control in present:
        compare = _comparison_of_sweeps if arm.sweeps else _comparison
        control = compare(records, arm, arm.control, seed)
    return ArmSummary(
        arm=key,
        label=arm.label,
        n=len(chains),
        verdicts={str(verdict): counts[verdict] for verdict in VERDICTS},
        truncated=sum(chain.stop_reason is StopReason.LENGTH for chain in chains),
        accuracy=share(counts[Verdict.CORRECT], len(chains)),
        comparison=None
        if key == arm.reference or arm.reference not in present
        else _comparison(records, arm, arm.reference, seed),
        against_control=control,
        put=_put(chains, seed) if arm.puts_tokens else None,
        sweep=_sweep_counts(records, key, seed) if arm.sweeps else None,
    )


def _comparison(
    records: Sequence[ProblemRecord], arm: Arm, reference: str, seed: int
) -> Comparison:
    pairs = [(record, record.chain(reference), record.chain(arm.key)) for record in records]
    before = [chain.correct for _, chain, _ in pairs]
    after = [chain.correct for _, _, chain in pairs]
    difference = paired_difference(after, before, seed)
    tested = not arm.sweeps
    return Comparison(
        reference,
        difference,
        mcnemar(after, before) if tested else None,
        in_a_word(difference) if tested else None,
        gained=tuple(_flip(r, b, a) for r, b, a in pairs if a.correct and not b.correct),
        lost=tuple(_flip(r, b, a) for r, b, a in pairs if b.correct and not a.correct),
    )


def _comparison_of_sweeps(
    records: Sequence[ProblemRecord], arm: Arm, reference: str, seed: int
) -> Comparison:
    """Per attempt, since both make many; McNemar's test is of the recovered chains."""
    key, whole = arm.key, _comparison(records, arm, reference, seed)
    wrong = [record for record in records if record.chain(key).attempts]
    tries = [[record.chain(each).attempts for record in wrong] for each in (key, reference)]
    rescues = [[_rescue_share(each) for each in one] for one in tries]
    difference = paired_difference(rescues[0], rescues[1], seed)
    recovered = [[record.chain(each).correct for record in wrong] for each in (key, reference)]
    p = mcnemar(recovered[0], recovered[1])
    return replace(whole, difference=difference, mcnemar_p=p, word=in_a_word(difference))


def _rescue_share(attempts: Sequence[SweepAttempt]) -> float:
    right = sum(each.verdict is Verdict.CORRECT for each in attempts)
    return right / len(attempts) if attempts else 0.0


def _flip(record: ProblemRecord, before: ArmChain, chain: ArmChain) -> Flip:
    if chain.changed:
        first = chain.changed[0]
        return Flip(record.problem_id, first.position, first.token_id)
    for position, (token_id, other_id) in enumerate(
        zip(chain.token_ids, before.token_ids, strict=False)
    ):
        if token_id != other_id:
            return Flip(record.problem_id, position, token_id)
    return Flip(record.problem_id, None, None)


def _put(chains: Sequence[ArmChain], seed: int) -> TokensPut:
    lengths = [len(chain.token_ids) for chain in chains]
    touched = [len(chain.touched) for chain in chains]
    changed = [len(chain.changed) for chain in chains]
    ranks = [each.base_rank for chain in chains for each in chain.touched]
    return TokensPut(
        tokens=sum(lengths),
        touched=sum(touched),
        changed=sum(changed),
        touched_per_chain=sum(touched) / len(chains),
        changed_per_chain=sum(changed) / len(chains),
        touched_share=ratio_over_chains(touched, lengths, seed),
        changed_share=ratio_over_chains(changed, lengths, seed),
        mean_base_rank=sum(ranks) / len(ranks) if ranks else None,
    )


def _sweep_counts(records: Sequence[ProblemRecord], key: str, seed: int) -> SweepCounts:
    wrong = [record.chain(key) for record in records if not record.chain("base").correct]
    tried = [len(chain.attempts) for chain in wrong]
    right = [sum(each.verdict is Verdict.CORRECT for each in chain.attempts) for chain in wrong]
    recovered = sum(map(bool, right))
    return SweepCounts(
        recovered=share(recovered, len(wrong)),
        chains_recovered=recovered,
        rescues=ratio_over_chains(right, tried, seed),
        attempts=sum(tried),
        attempts_right=sum(right),
    )


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
