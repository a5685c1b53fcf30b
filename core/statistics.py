"""Shares and means with their uncertainty: every figure shown carries n and an interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from scipy.stats import bootstrap
from statsmodels.stats.proportion import proportion_confint

_RESAMPLES = 9_999


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
    the number of problems.
    """
    data = np.asarray(values, np.float64)
    if len(data) and (data == data[0]).all() and data[0] in (0, 1):
        return share(int(data.sum()), len(data))  # resampling knows no doubt where all are alike
    if len(data) < 2:
        return Estimate(float(data.mean()) if len(data) else float("nan"), 0.0, 1.0, len(data))
    interval = bootstrap(
        (data,), np.mean, n_resamples=_RESAMPLES, method="percentile", batch=1_000, rng=seed
    ).confidence_interval
    return Estimate(float(data.mean()), float(interval.low), float(interval.high), len(data))


def ratio_over_chains(parts: Sequence[int], wholes: Sequence[int], seed: int = 0) -> Estimate:
    """Share of all tries that succeeded, with a bootstrap interval over the n chains they were
    made in: tries in one chain are not independent of each other."""
    interval = bootstrap(
        (np.asarray(parts, np.float64), np.asarray(wholes, np.float64)),
        lambda part, whole, axis: part.sum(axis) / whole.sum(axis),
        paired=True,
        n_resamples=_RESAMPLES,
        method="percentile",
        batch=1_000,
        rng=seed,
    ).confidence_interval
    value = sum(parts) / sum(wholes)
    return Estimate(value, float(interval.low), float(interval.high), len(parts))


def pass_at_k(n: int, correct: int, k: int) -> float:
    """Unbiased estimate of solving a problem with k samples, of n with `correct` right ones:
    1 - C(n - c, k) / C(n, k).

    Raises:
        ValueError: more samples asked for than there are.
    """
    if not 0 < k <= n:
        raise ValueError(f"k = {k} needs at least as many samples, and there are {n}")
    return 1.0 - comb(n - correct, k) / comb(n, k)
