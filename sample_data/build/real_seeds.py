"""What several seeds of ReasonMaxxer and its controls say together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from real_runs import ARMS, Runs, sampled_in, table
from scipy.stats import t

from core.statistics import Estimate, in_a_word, paired_difference

_COMPARED: tuple[tuple[str, str | None, tuple[str, ...]], ...] = (
    ("the base", None, tuple(ARMS)),
    ("the random gate", "random", tuple(ARMS)),
    ("ReasonMaxxer", "plain", ("positive",)),
)
"""What is taken off, the arm that it is (None: before training), and the arms that it is taken
off."""


def seeds_table(runs: Runs) -> str:
    """Every arm less the base and less the random gate, the ablation less ReasonMaxxer; empty
    unless an arm has several seeds."""
    rows = []
    for against, minus, arms in _COMPARED:
        for arm in arms:
            seeds = runs.seeds(arm)
            if minus is not None:
                seeds = [seed for seed in seeds if seed in runs.seeds(minus)]
            if arm == minus or len(seeds) < 2:
                continue
            found = differences(runs, arm, minus, seeds)
            here = paired_difference(*_means(found))
            both = (here, over_seeds_and_problems(found))
            rows.append(
                [
                    f"less {against}",
                    ARMS[arm],
                    ", ".join(f"{each:+.3f}" for each in found.mean(axis=1)),
                    f"{here.value:+.3f}",
                    *(f"[{each.low:+.3f}, {each.high:+.3f}]: {in_a_word(each)}" for each in both),
                ]
            )
    if not rows:
        return ""
    head = [
        "accuracy after", "arm", "each seed", "mean", "over problems, these adapters",
        "over seeds and problems",
    ]  # fmt: skip
    return (
        "All seeds together, on the same test problems. The first interval is of these very "
        "adapters: by bootstrap over problems, the seeds averaged. The second is of the method: "
        "both seeds and problems are draws (two-way analysis of variance with Satterthwaite's "
        "degrees of freedom), and with few seeds it is wide.\n\n" + table(head, rows)
    )


def _means(found: NDArray[np.float64]) -> tuple[Sequence[float], Sequence[float]]:
    """Differences averaged over the seeds (P,), as those of accuracies and 0."""
    means = found.mean(axis=0)
    return means.tolist(), [0.0] * len(means)


def differences(
    runs: Runs, arm: str, minus: str | None, seeds: Sequence[int]
) -> NDArray[np.float64]:
    """Accuracy of an arm after training less another one, (seeds, problems).

    Args:
        runs: with a finished run of both for every seed.
        arm: of which the accuracy is taken.
        minus: another arm, after training as well; None: the base.
        seeds: at least one.

    Raises:
        ValueError: the seeds were measured on different problems.
    """
    rows = []
    problems: list[str] = []
    for seed in seeds:
        after = _rates(runs, f"{arm}-{seed}", "after/")
        other = _rates(runs, f"{minus or arm}-{seed}", "before/" if minus is None else "after/")
        problems = problems or sorted(after)
        if sorted(after) != problems or sorted(other) != problems:
            raise ValueError(f"{arm}-{seed} was measured on other problems")
        rows.append([after[each] - other[each] for each in problems])
    return np.array(rows)


def _rates(runs: Runs, name: str, phase: str) -> dict[str, float]:
    """Share of right samples by problem."""
    run = runs.finished(name)
    assert run is not None
    return {record.problem_id: record.pass_rate for record in sampled_in(run, phase)}


def over_seeds_and_problems(values: NDArray[np.float64]) -> Estimate:
    """Mean of a value per seed and problem, both drawn at random, with a 95 % interval.

    The variance of the mean is (MS_seeds + MS_problems - MS_rest) / (S P) of a two-way analysis of
    variance, its degrees of freedom are Satterthwaite's (Clark 1973, as for quasi-F ratios). Where
    seeds or problems vary less than the rest, their own variance is taken for 0.

    Args:
        values: (S, P), at least 2 x 2.
    """
    seeds, problems = values.shape
    mean = values.mean()
    by_seed = values.mean(axis=1, keepdims=True)
    by_problem = values.mean(axis=0, keepdims=True)
    free = np.array([seeds - 1, problems - 1, (seeds - 1) * (problems - 1)])
    squares = (
        np.array(
            [
                problems * ((by_seed - mean) ** 2).sum(),
                seeds * ((by_problem - mean) ** 2).sum(),
                ((values - by_seed - by_problem + mean) ** 2).sum(),
            ]
        )
        / free
    )
    signs = np.array([1.0, 1.0, -1.0])
    if squares[0] <= squares[2]:
        signs = np.array([0.0, 1.0, 0.0])
    elif squares[1] <= squares[2]:
        signs = np.array([1.0, 0.0, 0.0])
    total = (signs * squares).sum()
    if total == 0:
        return Estimate(float(mean), float(mean), float(mean), problems)
    degrees = total**2 / (signs**2 * squares**2 / free).sum()
    half = t.ppf(0.975, degrees) * np.sqrt(total / values.size)
    return Estimate(float(mean), float(mean - half), float(mean + half), problems)
