"""Intervals agree with published examples."""

from __future__ import annotations

import math

import pytest
from scipy.stats import binomtest, chi2_contingency

from core.statistics import (
    Estimate,
    homogeneity,
    mcnemar,
    mean_over_problems,
    paired_difference,
    pass_at_k,
    ratio_over_chains,
    share,
)


def test_wilson_interval_of_newcombes_published_example() -> None:
    # Newcombe (1998), table I: 81 of 263, Wilson score without continuity correction.
    estimate = share(81, 263)
    assert (estimate.low, estimate.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert share(0, 20).low == 0
    assert share(0, 20).high == pytest.approx(0.1611, abs=5e-5)


def test_no_trials_know_nothing() -> None:
    empty = share(0, 0)
    assert math.isnan(empty.value)
    assert (empty.low, empty.high, empty.n) == (0.0, 1.0, 0)


def test_the_bootstrap_interval_is_near_the_normal_one_and_repeats() -> None:
    values = [0.0, 0.25, 0.5, 0.75, 1.0] * 60
    estimate = mean_over_problems(values)
    half = 1.96 * math.sqrt(0.125 / 300)
    assert estimate.value == 0.5
    assert estimate.low == pytest.approx(0.5 - half, abs=0.005)
    assert estimate.high == pytest.approx(0.5 + half, abs=0.005)
    assert mean_over_problems(values) == estimate


def test_where_all_are_alike_the_interval_is_wilsons_and_not_empty() -> None:
    assert mean_over_problems([1.0] * 20) == share(20, 20)
    assert mean_over_problems([0.0] * 20) == share(0, 20)
    assert mean_over_problems([0.4] * 20).value == pytest.approx(0.4)


def test_tries_in_one_chain_count_as_one_unit() -> None:
    # Half of the chains are rescued by every try, half by none: n is 40, not 400.
    estimate = ratio_over_chains([10, 0] * 20, [10] * 40)
    assert (estimate.value, estimate.n) == (0.5, 40)
    assert estimate.low == pytest.approx(0.5 - 1.96 * math.sqrt(0.25 / 40), abs=0.03)


def test_pass_at_k_of_hand_counted_cases() -> None:
    assert pass_at_k(8, 4, 1) == pytest.approx(0.5)
    assert pass_at_k(4, 1, 2) == pytest.approx(0.5)  # 3 of the 6 pairs hold the right one
    assert pass_at_k(8, 0, 8) == 0
    assert pass_at_k(8, 1, 8) == 1
    with pytest.raises(ValueError, match="is not between 1 and the number of samples"):
        pass_at_k(4, 2, 5)


def pairs(both: int, first: int, second: int, neither: int) -> tuple[list[bool], list[bool]]:
    """Problems that both got right, only the first, only the second, neither."""
    a = [True] * (both + first) + [False] * (second + neither)
    b = [True] * both + [False] * first + [True] * second + [False] * neither
    return a, b


def test_mcnemars_exact_test_of_hand_counted_and_published_tables() -> None:
    # 6 against 1: at most 1 of 7 heads, twice: 2 (1 + 7) / 2^7.
    assert mcnemar(*pairs(40, 6, 1, 3)) == pytest.approx(0.125)
    assert mcnemar(*pairs(0, 5, 0, 0)) == pytest.approx(2 / 2**5)
    assert mcnemar(*pairs(3, 4, 4, 3)) == 1.0
    # Agresti, Categorical Data Analysis (1990), p. 350: approval of the Prime Minister.
    approval = mcnemar(*pairs(794, 150, 86, 570))
    assert approval == pytest.approx(binomtest(86, 236, 0.5).pvalue)
    assert approval == pytest.approx(mcnemar(*pairs(794, 86, 150, 570)))


def test_mcnemar_knows_nothing_where_no_problem_tells_the_two_apart() -> None:
    assert mcnemar([], []) == 1.0
    assert mcnemar([True, False], [True, False]) == 1.0
    with pytest.raises(ValueError, match="shorter"):
        mcnemar([True], [])


def test_the_paired_difference_is_near_the_normal_interval_and_repeats() -> None:
    a, b = pairs(30, 30, 10, 30)
    estimate = paired_difference(a, b)
    half = 1.96 * math.sqrt((0.4 - 0.2**2) / 100)
    assert (estimate.value, estimate.n) == (0.2, 100)
    assert estimate.low == pytest.approx(0.2 - half, abs=0.015)
    assert estimate.high == pytest.approx(0.2 + half, abs=0.015)
    assert paired_difference(a, b) == estimate
    mirrored = paired_difference(b, a)
    assert (mirrored.low, mirrored.high) == pytest.approx((-estimate.high, -estimate.low), abs=0.02)


def test_pairs_are_kept_together() -> None:
    # 50 of 100 right both times, 5 more the second time: unpaired, the interval would hold 0.
    a, b = pairs(50, 6, 0, 44)
    assert paired_difference(a, b).low > 0


@pytest.mark.parametrize(
    ("difference", "low", "high"),
    [(0.0, -0.1611, 0.1611), (1.0, 1 - 2 * 0.1611, 1.0), (-1.0, -1.0, 2 * 0.1611 - 1)],
)
def test_twenty_equal_differences_leave_room_for_what_was_not_seen(
    difference: float, low: float, high: float
) -> None:
    estimate = paired_difference([max(difference, 0.0)] * 20, [max(-difference, 0.0)] * 20)
    assert (estimate.value, estimate.n) == (difference, 20)
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=1e-4)


def test_fewer_than_two_problems_know_nothing() -> None:
    assert math.isnan(paired_difference([], []).value)
    one = paired_difference([1.0], [0.0])
    assert (one.value, one.low, one.high, one.n) == (1.0, -1.0, 1.0, 1)
    assert math.isnan(ratio_over_chains([], []).value)
    few = ratio_over_chains([1], [4])
    assert (few.value, few.low, few.high, few.n) == (0.25, 0.0, 1.0, 1)


def test_a_ratio_of_none_or_all_is_wilsons_over_chains_that_had_tries() -> None:
    assert ratio_over_chains([0] * 20, [7] * 20) == share(0, 20)
    assert ratio_over_chains([7] * 20, [7] * 20) == share(20, 20)
    assert ratio_over_chains([0, 0], [5, 0]) == share(0, 1)


def test_homogeneity_is_fisher_s_question_for_many_groups() -> None:
    assert homogeneity([8, 8, 8], [16, 16, 16]) == 1.0
    assert homogeneity([0, 0], [9, 9]) == homogeneity([9, 9], [9, 9]) == 1.0
    # Of 4 and 4, all against none: 2 of C(8, 4) = 70 splits are so extreme.
    assert homogeneity([4, 0], [4, 4]) == pytest.approx(2 / 70, abs=0.005)
    # Large groups: scipy's own chi-square test without correction.
    table = [[300, 200], [250, 250]]
    expected = chi2_contingency(table, correction=False).pvalue
    assert homogeneity([300, 250], [500, 500]) == pytest.approx(expected)


def test_an_interval_is_written_in_brackets_and_said_where_it_is_unknown() -> None:
    found = Estimate(0.25, 0.125, 0.5, 8)
    assert str(found) == "0.250 [0.125, 0.500], n = 8"
    assert found.brackets(1, scale=100) == "[12.5, 50.0]"
    assert Estimate(0.1, -0.2, 0.4, 8).brackets(sign=True) == "[-0.200, +0.400]"
    assert str(Estimate(2.0, math.nan, math.nan, 1)) == "2.000 [unknown], n = 1"
