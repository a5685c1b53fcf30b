"""From the records of the intervention study to one summary an arm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

from core.chains.judging import VERDICTS
from core.errors import ProblemError
from core.interventions.arm import Arm
from core.interventions.arms import ARMS
from core.interventions.curves import PointArms
from core.interventions.records import ArmChain, ProblemRecord, SweepAttempt
from core.interventions.results import (
    ArmSummary,
    Comparison,
    Curve,
    CurvePoint,
    Flip,
    InterventionResults,
    SweepCounts,
    TokensPut,
)
from core.records import StopReason, Verdict
from core.statistics import in_a_word, mcnemar, paired_difference, ratio_over_chains, share


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
