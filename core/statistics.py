"""Shares and means with their uncertainty: every figure shown carries n and an interval."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from scipy.stats import DegenerateDataWarning, PermutationMethod, bootstrap, chi2_contingency
from statsmodels.stats.contingency_tables import mcnemar as mcnemar_of_table
from statsmodels.stats.proportion import proportion_confint

_RESAMPLES = 9_999

BETTER, SAME, WORSE = "better", "no measurable difference", "worse"


@dataclass(frozen=True)
class Estimate:
    """A figure, its 95 % interval and the number of independent units behind it."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}], n = {self.n}"


def share(successes: int, n: int) -> Estimate:
    """A share of n independent trials with its Wilson interval; n = 0 knows nothing."""
    if n == 0:
        return Estimate(float("nan"), 0.0, 1.0, 0)
    low, high = proportion_confint(successes, n, alpha=0.05, method="wilson")
    return Estimate(successes / n, float(low), float(high), n)


def mean_over_problems(values: Sequence[float], seed: int = 0) -> Estimate:
    """Mean of one value a problem, with a bootstrap interval over problems.

    Samples of one problem are not independent of each other: average them first, so that n is
    the number of problems. Where all values are one and the same v, resampling knows no doubt;
    a share of up to u may yet differ, u being the upper end of Wilson's interval of 0 in n, so
    the interval is v (1 - u) to v (1 - u) + u: Wilson's own for 0 and 1.

    Args:
        values: one a problem, from 0 to 1.
        seed: of the resampling.
    """
    data = np.asarray(values, np.float64)
    if len(data) and (data == data[0]).all() and data[0] in (0, 1):
        return share(int(data.sum()), len(data))  # resampling knows no doubt where all are alike
    if len(data) < 2:
        return Estimate(float(data.mean()) if len(data) else float("nan"), 0.0, 1.0, len(data))
    if (data == data[0]).all():
        unseen, value = share(0, len(data)).high, float(data[0])
        return Estimate(value, value * (1 - unseen), value * (1 - unseen) + unseen, len(data))
    interval = bootstrap(
        (data,), np.mean, n_resamples=_RESAMPLES, method="percentile", batch=1_000, rng=seed
    ).confidence_interval
    return Estimate(float(data.mean()), float(interval.low), float(interval.high), len(data))


def mean_of_amounts(values: Sequence[float], seed: int = 0) -> Estimate:
    """Mean of one amount a problem (a length, or a difference of lengths), in its own unit, with
    a bootstrap interval over problems.

    An amount has no bounds, so the interval of fewer than two problems is unknown (NaN), and
    where all amounts are alike it is that one amount.
    """
    data = np.asarray(values, np.float64)
    n = len(data)
    value = float(data.mean()) if n else float("nan")
    if n < 2:
        return Estimate(value, float("nan"), float("nan"), n)
    if (data == data[0]).all():
        return Estimate(value, value, value, n)
    interval = bootstrap(
        (data,), np.mean, n_resamples=_RESAMPLES, method="percentile", batch=1_000, rng=seed
    ).confidence_interval
    return Estimate(value, float(interval.low), float(interval.high), n)


def ratio_over_chains(parts: Sequence[int], wholes: Sequence[int], seed: int = 0) -> Estimate:
    """Share of all tries that succeeded, with a bootstrap interval over the n chains they were
    made in: tries in one chain are not independent of each other.

    Chains without tries don't count. Where all tries or none succeeded, resampling knows no
    doubt, so the interval is Wilson's of n chains; fewer than two chains know nothing.
    """
    data = np.array([pair for pair in zip(parts, wholes, strict=True) if pair[1]], np.float64)
    data = data.reshape(-1, 2)
    part, whole = data.T
    n = len(data)
    if n and (part.sum() == 0 or (part == whole).all()):
        return share(n if part.sum() else 0, n)
    if n < 2:
        return Estimate(float(part.sum() / whole.sum()) if n else float("nan"), 0.0, 1.0, n)
    interval = bootstrap(
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

    Where all n differences are one and the same d, resampling knows no doubt. Then a share of up
    to u may yet differ otherwise, u being the upper end of Wilson's interval of 0 in n, and by as
    much as can be: the interval is d (1 - u) - u to d (1 - u) + u. Fewer than two problems know
    nothing: -1 to 1.

    Args:
        a: one value a problem, from 0 to 1: right or not, or the mean of its samples.
        b: the same problems' other values, in the same order.
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
    interval = bootstrap(
        (differences,), np.mean, n_resamples=_RESAMPLES, method="percentile", batch=1_000, rng=seed
    ).confidence_interval
    return Estimate(value, float(interval.low), float(interval.high), n)


def in_a_word(difference: Estimate) -> str:
    """What a difference shows: better or worse only where its interval excludes 0."""
    return BETTER if difference.low > 0 else WORSE if difference.high < 0 else SAME


def mcnemar(a: Sequence[bool], b: Sequence[bool]) -> float:
    """Chance of so lopsided a split, or a more lopsided one, of the problems that only one of two
    got right, if either were as likely: p-value of McNemar's exact test (binomial, two-sided).

    Where no problem tells the two apart, or there is none, it is 1.

    Args:
        a: whether each problem is right.
        b: the same problems the other time, in the same order.
    """
    pairs = list(zip(a, b, strict=True))
    table = [
        [sum((x, y) == (p, q) for p, q in pairs) for y in (True, False)] for x in (True, False)
    ]
    if table[0][1] + table[1][0] == 0:
        return 1.0
    return float(mcnemar_of_table(table, exact=True).pvalue)


def pass_at_k(n: int, correct: int, k: int) -> float:
    """Unbiased estimate of solving a problem with k samples, of n with `correct` right ones:
    1 - C(n - c, k) / C(n, k).

    Raises:
        ValueError: more samples asked for than there are.
    """
    if not 0 < k <= n:
        raise ValueError(f"k = {k} needs at least as many samples, and there are {n}")
    return 1.0 - comb(n - correct, k) / comb(n, k)


def homogeneity(successes: Sequence[int], trials: Sequence[int], seed: int = 0) -> float:
    """Chance of shares that differ at least so much if all groups had one and the same share:
    p-value of the chi-square test, by permutation where fewer than 5 of a kind are expected."""
    table = np.array([successes, np.subtract(trials, successes)])
    table = table[:, table.sum(0) > 0]
    if table.shape[1] < 2 or not table.sum(1).all():
        return 1.0
    plain = chi2_contingency(table, correction=False)
    if plain.expected_freq.min() >= 5:
        return float(plain.pvalue)
    method = PermutationMethod(n_resamples=_RESAMPLES, rng=seed)
    return float(chi2_contingency(table, correction=False, method=method).pvalue)


def ratio_of_sums(
    parts: Sequence[float],
    part_counts: Sequence[int],
    wholes: Sequence[float] | None = None,
    whole_counts: Sequence[int] | None = None,
    seed: int = 0,
) -> Estimate:
    """Mean amount of all that was counted in n chains, with a bootstrap interval over chains; with
    `wholes`, that mean over the mean of other amounts in the same chains.

    Chains where nothing was counted say nothing of a mean. Resamples without a single count, or
    whose second mean is 0, are left out; fewer than two chains know no interval (NaN).

    Args:
        parts: one sum a chain.
        part_counts: of how many amounts each is.
        wholes: one sum a chain, of the amounts to compare with.
        whole_counts: of how many amounts each is.
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
        warnings.simplefilter("ignore", DegenerateDataWarning)  # of the resamples left out
        drawn = bootstrap(
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
