"""From compared chains to one summary a teacher: which tokens it would change, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from pydantic import TypeAdapter

from core.disagreement.divergence import (
    DIVERGENT,
    NEAR_ZERO,
    TOP_SHARE,
    DivergenceSummary,
    summarise_divergence,
)
from core.disagreement.records import ComparedChain
from core.disagreement.token_classes import TokenClass
from core.records import SCHEMA_VERSION
from core.runs.result_files import (
    AmountEstimate,
    Cell,
    Count,
    ShareEstimate,
    Text,
    interval_cells,
    known,
    reading_results,
    spreadsheet_safe,
    unknown,
)
from core.statistics import Estimate, mean_over_problems, ratio_of_sums, ratio_over_chains
from core.system.percent import percent

RANKS = 10  # base ranks counted one by one; the higher ones are counted together
PLACES = 10  # equal parts of a chain
ENTROPY_EDGES = tuple(round(0.2 * i, 1) for i in range(16))  # nats; the last bin is open


@dataclass(frozen=True)
class TeacherSummary:
    """One teacher against the base, over all chains of the base."""

    teacher: Text
    tokens: Count  # compared positions
    counts: dict[str, Count]  # of tokens by class
    unshifted: ShareEstimate
    reranked: ShareEstimate
    shifted: ShareEstimate
    changed_per_chain: AmountEstimate  # reranked and shifted tokens
    mean_base_rank: AmountEstimate  # of the teacher's token, at changed positions
    entropy_changed: AmountEstimate  # nats, the base's, mean over changed positions
    entropy_unshifted: AmountEstimate  # nats, the base's, mean over unshifted positions
    entropy_ratio: AmountEstimate  # of these two
    js_divergence: AmountEstimate  # nats, mean over all positions
    js_above_tau: ShareEstimate  # share of all divergence at positions above tau
    rank_counts: tuple[Count, ...]  # (RANKS + 1,) changed tokens of base rank 1, 2, ..., beyond
    place_counts: tuple[Count, ...]  # (PLACES,) changed tokens by place in the chain
    entropy_counts_changed: tuple[Count, ...]  # (len(ENTROPY_EDGES),)
    entropy_counts_unshifted: tuple[Count, ...]  # (len(ENTROPY_EDGES),)
    divergence: DivergenceSummary | None = None  # None in results of earlier versions


@dataclass(frozen=True)
class CompareResults:
    """All teachers of a run."""

    n: Count  # chains
    tau: float  # nats
    accuracy: ShareEstimate  # of the greedy chains
    teachers: tuple[TeacherSummary, ...]
    along: Literal["base", "teacher"] = "base"  # whose chains they are

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict; unknown values are null."""
        data = {"schema_version": SCHEMA_VERSION, **known(asdict(self))}
        for each in data["teachers"]:
            if each["divergence"] is None:  # as earlier versions wrote it
                del each["divergence"]
            elif not each["divergence"]["within_top"]:
                del each["divergence"]["within_top"]
        if self.along == "base":
            del data["along"]
        return data

    @staticmethod
    def from_json(data: Any) -> CompareResults:
        """Read what `to_json` wrote.

        Raises:
            FileError: of a newer version, or damaged.
        """
        with reading_results(data):
            results: CompareResults = _ADAPTER.validate_python(unknown(data))
            for each in results.teachers:
                if each.counts.keys() != set(TokenClass):
                    raise ValueError("classes are missing")
        return results

    def to_rows(self) -> list[dict[str, Cell]]:
        """One flat row a teacher, for a table or a CSV file. No cell is a formula to a
        spreadsheet."""
        return [_row(each, self.n) for each in self.teachers]


def summarise_comparison(
    records: Sequence[ComparedChain],
    teachers: Sequence[str],
    tau: float,
    seed: int = 0,
    along: Literal["base", "teacher"] = "base",
) -> CompareResults:
    """One summary a teacher.

    Args:
        records: one a problem.
        teachers: their names, in the order of the records' views.
        tau: nats, for the share of the divergence above it.
        seed: of the bootstraps.
        along: who wrote the chains.
    """
    right = [float(record.verdict == "correct") for record in records]
    return CompareResults(
        len(records),
        tau,
        mean_over_problems(right, seed),
        tuple(_summary(records, number, name, tau, seed) for number, name in enumerate(teachers)),
        along,
    )


def _summary(
    records: Sequence[ComparedChain], number: int, name: str, tau: float, seed: int
) -> TeacherSummary:
    classes = [np.array(record.classes(number), dtype=object) for record in records]
    entropies = [np.array(record.entropy) for record in records]  # (T,) nats each
    divergences = [np.array(record.views[number].js_divergence) for record in records]
    ranks = [np.array(record.views[number].base_rank) for record in records]
    lengths = [len(each) for each in classes]
    same = [each == TokenClass.UNSHIFTED for each in classes]
    other = [~each for each in same]
    counts = {each.value: [int((chain == each).sum()) for chain in classes] for each in TokenClass}
    changed = [int(each.sum()) for each in other]

    def summed(amounts: Sequence[Any], where: Sequence[Any]) -> list[float]:
        return [float(each[mask].sum()) for each, mask in zip(amounts, where, strict=True)]

    def pooled(amounts: Sequence[Any], where: Sequence[Any]) -> Any:
        chosen = [each[mask] for each, mask in zip(amounts, where, strict=True)]
        return np.concatenate(chosen) if chosen else np.zeros(0)

    places = [(np.arange(size) * PLACES) // max(size, 1) for size in lengths]
    unshifted = counts[TokenClass.UNSHIFTED]
    above = [each > tau for each in entropies]
    everything = [np.ones(size, bool) for size in lengths]
    return TeacherSummary(
        teacher=name,
        tokens=sum(lengths),
        counts={key: sum(each) for key, each in counts.items()},
        unshifted=ratio_over_chains(unshifted, lengths, seed),
        reranked=ratio_over_chains(counts[TokenClass.RERANKED], lengths, seed),
        shifted=ratio_over_chains(counts[TokenClass.SHIFTED], lengths, seed),
        changed_per_chain=ratio_of_sums(changed, [1] * len(records), seed=seed),
        mean_base_rank=ratio_of_sums(summed(ranks, other), changed, seed=seed),
        entropy_changed=ratio_of_sums(summed(entropies, other), changed, seed=seed),
        entropy_unshifted=ratio_of_sums(summed(entropies, same), unshifted, seed=seed),
        entropy_ratio=ratio_of_sums(
            summed(entropies, other), changed, summed(entropies, same), unshifted, seed
        ),
        js_divergence=ratio_of_sums(summed(divergences, everything), lengths, seed=seed),
        js_above_tau=_share_of_mass(
            summed(divergences, above), summed(divergences, everything), seed
        ),
        rank_counts=_counts(np.minimum(pooled(ranks, other), RANKS + 1) - 1, RANKS + 1),
        place_counts=_counts(pooled(places, other), PLACES),
        entropy_counts_changed=_entropy_counts(pooled(entropies, other)),
        entropy_counts_unshifted=_entropy_counts(pooled(entropies, same)),
        divergence=summarise_divergence(records, number, tau, PLACES, ENTROPY_EDGES, seed),
    )


def rank_of_reranked(records: Sequence[ComparedChain], number: int, seed: int = 0) -> Estimate:
    """Mean rank, in the base's order, of the teacher's token at reranked positions (paper section
    3.1), with a bootstrap interval over chains. `TeacherSummary.mean_base_rank` has the shifted
    ones, too.

    Args:
        records: one a problem.
        number: of the teacher, in the order of the records' views.
    """
    ranks, amounts = [], []
    for record in records:
        reranked = np.array(record.classes(number), dtype=object) == TokenClass.RERANKED
        ranks.append(float(np.array(record.views[number].base_rank)[reranked].sum()))
        amounts.append(int(reranked.sum()))
    return ratio_of_sums(ranks, amounts, seed=seed)


def _share_of_mass(parts: Sequence[float], wholes: Sequence[float], seed: int) -> Estimate:
    """A share of a summed amount, with a bootstrap interval over chains; 0 of an amount of 0."""
    found = ratio_of_sums(parts, [1] * len(parts), wholes, [1] * len(wholes), seed)
    return found if sum(wholes) else mean_over_problems([0.0] * len(parts), seed)


def _counts(values: Any, size: int) -> tuple[int, ...]:
    return tuple(int(n) for n in np.bincount(values.astype(np.int64), minlength=size))


def _entropy_counts(nats: Any) -> tuple[int, ...]:
    bins = np.searchsorted(ENTROPY_EDGES, nats, side="right") - 1
    return _counts(np.maximum(bins, 0), len(ENTROPY_EDGES))


def _row(each: TeacherSummary, n: int) -> dict[str, Cell]:
    return {
        "teacher": spreadsheet_safe(each.teacher),
        "chains": n,
        "tokens": each.tokens,
        **interval_cells("unshifted", each.unshifted),
        **interval_cells("reranked", each.reranked),
        **interval_cells("shifted", each.shifted),
        **interval_cells("changed per chain", each.changed_per_chain),
        **interval_cells("mean base rank", each.mean_base_rank),
        **interval_cells("entropy where changed (nats)", each.entropy_changed),
        **interval_cells("entropy elsewhere (nats)", each.entropy_unshifted),
        **interval_cells("entropy ratio", each.entropy_ratio),
        **interval_cells("JS divergence (nats)", each.js_divergence),
        **interval_cells("share of JS divergence above tau", each.js_above_tau),
        **_divergence_cells(each.divergence),
    }


def _divergence_cells(found: DivergenceSummary | None) -> dict[str, Cell]:
    if found is None:
        return {}
    shown: dict[str, Estimate | None] = {
        f"divergence below {NEAR_ZERO:g} nats": found.near_zero,
        f"divergence above {DIVERGENT:g} nats": found.divergent,
        "of these with entropy up to tau": found.divergent_but_sure,
        "overlap of the top 5": found.overlap,
        "the teacher's entropy (nats)": found.entropy_teacher,
        f"overlap of the top {percent(TOP_SHARE, 0)} by entropy": found.top_entropy_overlap,
    }
    shown |= {f"changes within the base's top {each.k}": each.share for each in found.within_top}
    shown |= {
        f"JS divergence that {percent(each.share, 0)} of tokens exceed (nats)": each.divergence
        for each in found.levels
    }
    cells: dict[str, Cell] = {}
    for name, estimate in shown.items():
        if estimate is not None:
            cells |= interval_cells(name, estimate)
    return cells


_ADAPTER: TypeAdapter[CompareResults] = TypeAdapter(CompareResults)
