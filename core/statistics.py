"""Proportions and means with their uncertainty: every figure shown carries n and an interval."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
import scipy  # imports scipy.stats when it is first used
from numpy.typing import NDArray

_RESAMPLES = 9_999
_ROUNDING = 1e-9  # 0.29 of 100 is 28.999999999999996
_ENDS = 10_000

BETTER, SAME, WORSE = "better", "no measurable difference", "worse"
UNCLEAR = "unclear"
_SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Estimate:
    """A figure, its 95 % interval and the number of independent units behind it."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f} {self.brackets()}, n = {self.n}"

    def brackets(self, digits: int = 3, *, scale: float = 1, sign: bool = False) -> str:
        """The interval: "[0.188, 0.812]"; "[unknown]" where it is NaN, as that of one problem.

        Args:
            digits: after the decimal point.
            scale: of the figures; 100 for percent.
            sign: write a plus sign, too.
        """
        if np.isnan(self.low):
            return "[unknown]"
        form = f"{'+' * sign}.{digits}f"
        return f"[{scale * self.low:{form}}, {scale * self.high:{form}}]"


def share(successes: int, n: int) -> Estimate:
    """Proportion of n independent trials with its Wilson interval, which is [0, 1] for n = 0."""
    if n == 0:
        return Estimate(float("nan"), 0.0, 1.0, 0)
    # Imported here: with pandas it takes a second of the app's start.
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(successes, n, alpha=0.05, method="wilson")
    return Estimate(successes / n, float(low), float(high), n)


def mean_over_problems(values: Sequence[float], seed: int = 0) -> Estimate:
    """Mean of one value per problem, with a bootstrap interval over problems.

    Samples of one problem are not independent: average them first, so that n is the number of
    problems. The bootstrap is degenerate when all values equal some v. Then up to a share u of
    problems may still differ, u being the upper end of the Wilson interval of 0 out of n, so the
    interval is v (1 - u) to v (1 - u) + u, which is Wilson's own for v = 0 and v = 1.

    Args:
        values: one per problem, from 0 to 1.
        seed: of the resampling.
    """
    data = np.asarray(values, np.float64)
    if len(data) and (data == data[0]).all() and data[0] in (0, 1):
        return share(int(data.sum()), len(data))  # the bootstrap is degenerate on equal values
    if len(data) < 2:
        return Estimate(float(data.mean()) if len(data) else float("nan"), 0.0, 1.0, len(data))
    if (data == data[0]).all():
        unseen, value = share(0, len(data)).high, float(data[0])
        return Estimate(value, value * (1 - unseen), value * (1 - unseen) + unseen, len(data))
    interval = scipy.stats.bootstrap(
        (data,), np.mean, n_resamples=_RESAMPLES, method="percentile", batch=1_000, rng=seed
    ).confidence_interval
    return Estimate(float(data.mean()), float(interval.low), float(interval.high), len(data))


def mean_of_amounts(values: Sequence[float], seed: int = 0) -> Estimate:
    """Mean of one amount per problem (such as a length or a difference of lengths), in its own
    unit, with a bootstrap interval over problems.

    An amount is unbounded, so the interval is NaN for fewer than two problems; when all amounts
    are equal it is that amount.
    """
    data = np.asarray(values, np.float64)
    n = len(data)
    value = float(data.mean()) if n else float("nan")
    if n < 2:
        return Estimate(value, float("nan"), float("nan"), n)
    if (data == data[0]).all():
        return Estimate(value, value, value, n)
    interval = scipy.stats.bootstrap(
        (data,), np.mean, n_resamples=_RESAMPLES, method="percentile", batch=1_000, rng=seed
    ).confidence_interval
    return Estimate(value, float(interval.low), float(interval.high), n)


def ratio_over_chains(parts: Sequence[int], wholes: Sequence[int], seed: int = 0) -> Estimate:
    """Share of attempts that succeeded, with a bootstrap interval over the n chains they were made
    in, since attempts in one chain are not independent.

    Chains without attempts are left out. The bootstrap is degenerate when all attempts or none
    succeeded: then the interval is Wilson's for n chains. With fewer than two chains it is [0, 1].
    """
    data = np.array([pair for pair in zip(parts, wholes, strict=True) if pair[1]], np.float64)
    data = data.reshape(-1, 2)
    part, whole = data.T
    n = len(data)
    if n and (part.sum() == 0 or (part == whole).all()):
        return share(n if part.sum() else 0, n)
    if n < 2:
        return Estimate(float(part.sum() / whole.sum()) if n else float("nan"), 0.0, 1.0, n)
    interval = scipy.stats.bootstrap(
        (part, whole),
        lambda part, whole, axis: part.sum(axis) / whole.sum(axis),
        paired=True,
        n_resamples=_RESAMPLES,
        method="percentile",
        batch=1_000,
        rng=seed,
    ).confidence_interval
    value = float(part.sum() / whole.sum())
    return Estimate(value, float(interval.low), float(interval.high), n)


def paired_difference(a: Sequence[float], b: Sequence[float], seed: int = 0) -> Estimate:
    """Mean of a - b over problems, with a bootstrap interval over problems.

    The bootstrap is degenerate when all n differences equal some d. Then up to a share u of
    problems may still differ by as much as -1 or 1, u being the upper end of the Wilson interval
    of 0 out of n, so the interval is d (1 - u) - u to d (1 - u) + u. With fewer than two problems
    it is [-1, 1].

    Args:
        a: one value per problem, from 0 to 1: correct or not, or the mean over its samples.
        b: the other values of the same problems, in the same order.
        seed: of the resampling.
    """
    differences = np.asarray(a, np.float64) - np.asarray(b, np.float64)
    n = len(differences)
    value = float(differences.mean()) if n else float("nan")
    if n < 2:
        return Estimate(value, -1.0, 1.0, n)
    if (differences == differences[0]).all():
        unseen = share(0, n).high
        centre = value * (1 - unseen)
        return Estimate(value, centre - unseen, centre + unseen, n)
    interval = scipy.stats.bootstrap(
        (differences,), np.mean, n_resamples=_RESAMPLES, method="percentile", batch=1_000, rng=seed
    ).confidence_interval
    return Estimate(value, float(interval.low), float(interval.high), n)


def in_a_word(difference: Estimate) -> str:
    """The direction of a difference: better or worse only when its interval excludes 0."""
    return BETTER if difference.low > 0 else WORSE if difference.high < 0 else SAME


def settled(word: str, p: float | None) -> str:
    """The word for a difference that was also tested: `UNCLEAR` where its interval excludes 0 but
    p is not below 0.05, or the other way round."""
    if p is None or (word == SAME) == (p >= _SIGNIFICANT):
        return word
    return UNCLEAR


def mcnemar(a: Sequence[bool], b: Sequence[bool]) -> float:
    """p-value of McNemar's exact test (binomial, two-sided): the chance of a split at least this
    uneven among problems that only one of the two got right, if both were equally likely to.

    1 when no problem separates the two.

    Args:
        a: whether each problem is correct.
        b: the same for the other condition, in the same order of problems.
    """
    pairs = list(zip(a, b, strict=True))
    table = [
        [sum((x, y) == (p, q) for p, q in pairs) for y in (True, False)] for x in (True, False)
    ]
    if table[0][1] + table[1][0] == 0:
        return 1.0
    from statsmodels.stats.contingency_tables import mcnemar as mcnemar_of_table  # as in `share`

    return float(mcnemar_of_table(table, exact=True).pvalue)


def pass_at_k(n: int, correct: int, k: int) -> float:
    """Unbiased estimate of solving a problem with k samples, given n samples of which `correct`
    are correct: 1 - C(n - c, k) / C(n, k) (Chen et al. 2021).

    Raises:
        ValueError: k is not between 1 and n.
    """
    if not 0 < k <= n:
        raise ValueError(f"k = {k} is not between 1 and the number of samples, {n}")
    return 1.0 - comb(n - correct, k) / comb(n, k)


def homogeneity(successes: Sequence[int], trials: Sequence[int], seed: int = 0) -> float:
    """p-value of the chi-square test of homogeneity: the chance of proportions that differ at least
    this much if all groups had the same one. By permutation when an expected count is below 5."""
    table = np.array([successes, np.subtract(trials, successes)])
    table = table[:, table.sum(0) > 0]
    if table.shape[1] < 2 or not table.sum(1).all():
        return 1.0
    plain = scipy.stats.chi2_contingency(table, correction=False)
    if plain.expected_freq.min() >= 5:
        return float(plain.pvalue)
    method = scipy.stats.PermutationMethod(n_resamples=_RESAMPLES, rng=seed)
    return float(scipy.stats.chi2_contingency(table, correction=False, method=method).pvalue)


def ratio_of_sums(
    parts: Sequence[float],
    part_counts: Sequence[int],
    wholes: Sequence[float] | None = None,
    whole_counts: Sequence[int] | None = None,
    seed: int = 0,
) -> Estimate:
    """Mean of all amounts counted in n chains, with a bootstrap interval over chains; with
    `wholes`, the ratio of that mean to the mean of other amounts in the same chains.

    Chains without counts are left out of a single mean. Resamples without counts, or whose second
    mean is 0, are dropped; with fewer than two chains the interval is NaN.

    Args:
        parts: one sum per chain.
        part_counts: number of amounts in each sum.
        wholes: one sum per chain of the amounts to compare with.
        whole_counts: number of amounts in each of these.
        seed: of the resampling.
    """
    columns = [np.asarray(column, np.float64) for column in (parts, part_counts)]
    if wholes is None or whole_counts is None:
        columns = [column[columns[1] > 0] for column in columns]
    else:
        columns += [np.asarray(column, np.float64) for column in (wholes, whole_counts)]
    n = int((columns[1] > 0).sum())

    def ratio(*sums: np.ndarray, axis: int = -1) -> np.ndarray:
        totals = [each.sum(axis) for each in sums]
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = totals[0] / totals[1]
            found: np.ndarray = mean if len(totals) == 2 else mean / (totals[2] / totals[3])
        return np.where(np.isfinite(found), found, np.nan)

    value = float(ratio(*columns))
    if n < 2 or np.isnan(value):
        return Estimate(value, float("nan"), float("nan"), n)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", scipy.stats.DegenerateDataWarning)  # dropped resamples
        drawn = scipy.stats.bootstrap(
            columns,
            ratio,
            paired=True,
            n_resamples=_RESAMPLES,
            method="percentile",
            batch=1_000,
            rng=seed,
        ).bootstrap_distribution
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return Estimate(value, float(low), float(high), n)


def threshold_over_chains(
    amounts: Sequence[NDArray[np.float32]], share: float, seed: int = 0
) -> Estimate:
    """The smallest amount that at most a share of all amounts exceed, with a bootstrap interval
    over the n chains they were counted in, since amounts in one chain are not independent.

    Chains without amounts are left out. With fewer than two chains the interval is NaN. Of more
    than 10,000 different amounts, the ends of the interval are one of 10,000.

    Args:
        amounts: N arrays (T,), one per chain.
        share: of all amounts, at least 0 and below 1.
        seed: of the resampling.
    """
    chains = [np.sort(each) for each in amounts if len(each)]
    n = len(chains)
    if n == 0:
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    every = np.sort(np.concatenate(chains))
    value = float(every[len(every) - 1 - int(share * len(every) + _ROUNDING)])
    if n < 2:
        return Estimate(value, float("nan"), float("nan"), n)
    ends = np.unique(every)  # (E,)
    ends = ends[np.linspace(0, len(ends) - 1, min(len(ends), _ENDS)).round().astype(np.intp)]
    lengths = np.array([len(each) for each in chains])  # (n,)
    above = np.stack(  # (n, E) how many amounts of a chain exceed each
        [len(each) - np.searchsorted(each, ends, side="right") for each in chains]
    )

    def threshold(chosen: NDArray[np.intp], axis: int = -1) -> NDArray[np.float32]:
        chosen = np.moveaxis(chosen, axis, -1)  # (..., n) chains
        most = np.floor(share * lengths[chosen].sum(-1) + _ROUNDING)
        low = np.zeros(chosen.shape[:-1], np.intp)
        high = np.full_like(low, len(ends) - 1)
        while (low < high).any():  # bisection: the number above falls with the amount
            middle = (low + high) // 2
            few = above[chosen, middle[..., None]].sum(-1) <= most
            low, high = np.where(few, low, middle + 1), np.where(few, middle, high)
        return ends[low]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", scipy.stats.DegenerateDataWarning)  # all chains are alike
        drawn = scipy.stats.bootstrap(
            (np.arange(n),),
            threshold,
            n_resamples=_RESAMPLES,
            method="percentile",
            batch=1_000,
            rng=seed,
        ).bootstrap_distribution
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(value, float(low), float(high), n)
