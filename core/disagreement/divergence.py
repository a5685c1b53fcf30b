"""How far apart base and teacher are, token by token: where in a chain, and at which entropy.

The figures of arXiv:2603.22446: the divergence is near zero at most positions, and it can be high
where the base is sure, which a locator by entropy can't see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.disagreement.records import ComparedChain
from core.entropy import top_fraction_gate
from core.records import DEFAULT_ALTERNATIVES
from core.runs.result_files import AmountEstimate, Count, ShareEstimate
from core.statistics import ratio_of_sums, ratio_over_chains, threshold_over_chains

NEAR_ZERO = 0.01  # nats
DIVERGENT = 0.1  # nats; the default threshold of the arm by divergence
ABOVE = (0.5, 0.2, 0.1, 0.05, 0.01)  # shares of tokens
DIVERGENCE_EDGES = (0.0, 0.001, 0.01, 0.05, 0.1, 0.2, 0.4)  # nats; the last bin is open
TOPS = (2, 3, 5, 10)  # ranks in the base's order
TOP_SHARE = 0.2  # of tokens, those of highest entropy (arXiv:2506.01939)


@dataclass(frozen=True)
class DivergenceLevel:
    """The divergence that a share of all tokens exceeds."""

    share: float
    divergence: AmountEstimate  # nats


@dataclass(frozen=True)
class WithinTop:
    """Of the changed tokens, the share where the teacher's is among the base's top k."""

    k: Count
    share: ShareEstimate


@dataclass(frozen=True)
class DivergenceSummary:
    """One teacher's Jensen-Shannon divergence from the base, over the tokens of all chains."""

    near_zero: ShareEstimate  # share of tokens below `NEAR_ZERO`
    levels: tuple[DivergenceLevel, ...]  # one a share in `ABOVE`
    profile: tuple[AmountEstimate, ...]  # (places,) mean by place in the chain, nats
    plane: tuple[tuple[Count, ...], ...]  # (entropy bins, len(DIVERGENCE_EDGES)) tokens
    divergent: ShareEstimate  # share of tokens above `DIVERGENT`
    divergent_but_sure: ShareEstimate  # of these, the share where the base's entropy is up to tau
    overlap: AmountEstimate | None  # mean share of the top 5 that both have; None: not recorded
    entropy_teacher: AmountEstimate | None  # nats, mean over all tokens
    top_entropy_overlap: ShareEstimate | None  # of the base's `TOP_SHARE`, those in the teacher's
    within_top: tuple[WithinTop, ...] = ()  # one a k in `TOPS`; empty in results of old versions


def summarise_divergence(
    records: Sequence[ComparedChain],
    number: int,
    tau: float,
    places: int,
    entropy_edges: Sequence[float],
    seed: int = 0,
) -> DivergenceSummary:
    """One teacher's summary.

    Args:
        records: one a problem.
        number: of the teacher, among the records' views.
        tau: nats; above it the base is uncertain.
        places: number of equal parts of a chain in the profile.
        entropy_edges: nats, lower ends of the plane's entropy bins.
        seed: of the bootstraps.
    """
    lengths = [len(record.token_ids) for record in records]
    apart = [np.array(record.views[number].js_divergence, np.float32) for record in records]
    entropy = [np.array(record.entropy, np.float32) for record in records]
    high = [each > DIVERGENT for each in apart]
    sure = [nats <= tau for nats in entropy]

    def counted(masks: Sequence[NDArray[np.bool_]]) -> list[int]:
        return [int(each.sum()) for each in masks]

    both = [one & other for one, other in zip(high, sure, strict=True)]
    return DivergenceSummary(
        near_zero=ratio_over_chains(counted([e < NEAR_ZERO for e in apart]), lengths, seed),
        levels=tuple(
            DivergenceLevel(share, threshold_over_chains(apart, share, seed)) for share in ABOVE
        ),
        profile=_profile(apart, places, seed),
        plane=_plane(entropy, apart, entropy_edges),
        divergent=ratio_over_chains(counted(high), lengths, seed),
        divergent_but_sure=ratio_over_chains(counted(both), counted(high), seed),
        within_top=_within_top(records, number, seed),
        **_of_the_teacher(records, number, entropy, seed),
    )


def _within_top(records: Sequence[ComparedChain], number: int, seed: int) -> tuple[WithinTop, ...]:
    ranks = [
        np.array([record.views[number].base_rank[i] for i in record.changes(number)])
        for record in records
    ]
    changed = [len(each) for each in ranks]
    return tuple(
        WithinTop(k, ratio_over_chains([int((each <= k).sum()) for each in ranks], changed, seed))
        for k in TOPS
    )


def _profile(
    apart: Sequence[NDArray[np.float32]], places: int, seed: int
) -> tuple[AmountEstimate, ...]:
    at = [np.arange(len(each)) * places // max(len(each), 1) for each in apart]
    return tuple(
        ratio_of_sums(
            [float(each[where == place].sum()) for each, where in zip(apart, at, strict=True)],
            [int((where == place).sum()) for where in at],
            seed=seed,
        )
        for place in range(places)
    )


def _plane(
    entropy: Sequence[NDArray[np.float32]],
    apart: Sequence[NDArray[np.float32]],
    entropy_edges: Sequence[float],
) -> tuple[tuple[Count, ...], ...]:
    counts = np.zeros((len(entropy_edges), len(DIVERGENCE_EDGES)), np.int64)
    for nats, divergence in zip(entropy, apart, strict=True):
        np.add.at(counts, (_bins(nats, entropy_edges), _bins(divergence, DIVERGENCE_EDGES)), 1)
    return tuple(tuple(row) for row in counts.tolist())


def _bins(values: NDArray[np.float32], edges: Sequence[float]) -> NDArray[np.intp]:
    return np.maximum(np.searchsorted(edges, values, side="right") - 1, 0)


def _of_the_teacher(
    records: Sequence[ComparedChain], number: int, entropy: Sequence[NDArray[np.float32]], seed: int
) -> dict[str, AmountEstimate | ShareEstimate | None]:
    """The figures that records of earlier versions can't give."""
    names = ("overlap", "entropy_teacher", "top_entropy_overlap")
    views = [record.views[number] for record in records]
    theirs = [each.entropy for each in views]
    shared = [each.overlap for each in views]
    if any(each is None for each in (*theirs, *shared)):
        return dict.fromkeys(names)
    lengths = [len(record.token_ids) for record in records]
    tops = [
        (top_fraction_gate(ours, TOP_SHARE), top_fraction_gate(np.array(nats), TOP_SHARE))
        for ours, nats in zip(entropy, theirs, strict=True)
    ]
    found = (
        ratio_of_sums(
            [sum(each or ()) / DEFAULT_ALTERNATIVES for each in shared], lengths, seed=seed
        ),
        ratio_of_sums([sum(each or ()) for each in theirs], lengths, seed=seed),
        ratio_over_chains(
            [int((ours & other).sum()) for ours, other in tops],
            [int(ours.sum()) for ours, _ in tops],
            seed,
        ),
    )
    return dict(zip(names, found, strict=True))
