"""Intervals agree with published examples."""

from __future__ import annotations

import math

import pytest

from core.statistics import mean_over_problems, pass_at_k, ratio_over_chains, share


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
    with pytest.raises(ValueError, match="at least as many"):
        pass_at_k(4, 2, 5)
