"""Entropy, rank and alternatives are exact, and the gates pick what the paper says."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.entropy import (
    entropy,
    entropy_interval,
    first_gate,
    highest_entropy_positions,
    last_gate,
    low_entropy_gate,
    nats_to_bits,
    packed_statistics,
    random_gate,
    stride_gate,
    threshold_gate,
    top_fraction_gate,
    top_fraction_threshold,
    unpack_statistics,
)


@pytest.mark.parametrize(
    ("distribution", "bits"),
    [([0.94, 0.04, 0.01, 0.01], 0.4025), ([0.28, 0.27, 0.25, 0.15, 0.05], 2.1509)],
)
def test_the_check_values_of_the_method_in_bits(distribution: list[float], bits: float) -> None:
    logits = torch.tensor(distribution).log()
    assert nats_to_bits(float(entropy(logits))) == pytest.approx(bits, abs=1e-4)


def test_a_fair_choice_of_five_has_ln_5_nats_whatever_the_scale_of_the_logits() -> None:
    assert float(entropy(torch.full((5,), 300.0))) == pytest.approx(math.log(5))


@pytest.mark.parametrize("vocab_size", [7, 1_024, 150_000])
@pytest.mark.parametrize("spread", [0.1, 3.0, 30.0])
def test_float32_entropy_is_within_1e_5_of_float64(vocab_size: int, spread: float) -> None:
    torch.manual_seed(0)
    logits = torch.randn(8, vocab_size) * spread
    exact = torch.log_softmax(logits.double(), -1)
    exact = -(exact.exp() * exact).sum(-1)
    ours = entropy(logits)
    np.testing.assert_allclose(ours, exact, atol=1e-5, rtol=1e-6)


def test_tokens_of_probability_zero_give_no_nan() -> None:
    logits = torch.tensor([[0.0, -torch.inf, 0.0, -torch.inf]])
    statistics = unpack_statistics(packed_statistics(logits, torch.tensor([1]), 4).numpy())
    assert float(statistics.entropy[0]) == pytest.approx(math.log(2))
    assert np.isfinite(statistics.logprob).all()
    assert np.isfinite(statistics.top_logprobs).all()
    assert math.exp(statistics.logprob[0]) == 0


def test_statistics_of_a_hand_made_distribution() -> None:
    logits = torch.tensor([[0.5, 0.25, 0.125, 0.125]]).log()
    statistics = unpack_statistics(packed_statistics(logits, torch.tensor([1]), 2).numpy())
    assert statistics.entropy[0] == pytest.approx(1.75 * math.log(2))
    assert statistics.logprob[0] == pytest.approx(math.log(0.25))
    assert statistics.rank.tolist() == [2]
    assert statistics.top_ids.tolist() == [[0, 1]]
    np.testing.assert_allclose(np.exp(statistics.top_logprobs), [[0.5, 0.25]], rtol=1e-6)


def test_ids_stay_exact_in_a_large_vocabulary() -> None:
    logits = torch.zeros(1, 200_003)
    logits[0, 200_001] = 9.0
    packed = packed_statistics(logits, torch.tensor([200_001]), 1).numpy()
    assert unpack_statistics(packed).top_ids.tolist() == [[200_001]]


def test_half_precision_logits_are_measured_in_float32() -> None:
    logits = torch.randn(3, 50_000).bfloat16()
    np.testing.assert_allclose(
        packed_statistics(logits, torch.zeros(3, dtype=torch.long)),
        packed_statistics(logits.float(), torch.zeros(3, dtype=torch.long)),
    )


ENTROPY = np.array([0.1, 1.5, 0.0, 1.4, 2.0, 0.0], np.float32)


def test_a_decision_point_lies_strictly_above_tau() -> None:
    assert threshold_gate(ENTROPY, 1.5).tolist() == [False, False, False, False, True, False]


def test_fraction_gates_keep_their_budget_even_when_entropies_tie() -> None:
    tied = np.zeros(10, np.float32)
    assert top_fraction_gate(tied, 0.2).sum() == 2
    assert top_fraction_gate(ENTROPY, 0.5).tolist() == [False, True, False, True, True, False]
    assert top_fraction_gate(ENTROPY, 0.0).sum() == 0
    assert top_fraction_gate(ENTROPY[:0], 0.5).tolist() == []


def test_first_last_and_stride_take_their_budget_where_they_say() -> None:
    assert np.flatnonzero(first_gate(6, 2)).tolist() == [0, 1]
    assert np.flatnonzero(last_gate(6, 2)).tolist() == [4, 5]
    assert np.flatnonzero(stride_gate(6, 2)).tolist() == [1, 4]
    assert np.flatnonzero(stride_gate(5, 1)).tolist() == [2]
    for gate in (first_gate, last_gate, stride_gate):
        assert gate(4, 0).tolist() == [False] * 4
        assert gate(0, 0).tolist() == []


@pytest.mark.parametrize("length", range(1, 40))
def test_a_stride_takes_every_budget_exactly(length: int) -> None:
    for budget in range(length + 1):
        assert stride_gate(length, budget).sum() == budget


def test_the_threshold_of_a_share_leaves_no_more_than_it_above() -> None:
    nats = np.sort(np.array([0.0, 0.5, 0.5, 1.0, 2.0], np.float32))
    assert top_fraction_threshold(nats, 0.2) == 1.0  # 2.0 is above
    assert top_fraction_threshold(nats, 0.4) == 0.5  # 1.0 and 2.0
    assert top_fraction_threshold(nats, 0.6) == 0.5  # a third would take one of two equal ones
    assert top_fraction_threshold(nats, 0.0) == 2.0
    assert top_fraction_threshold(nats, 1.0) == -math.inf


def test_control_gates_have_the_same_budget() -> None:
    assert low_entropy_gate(ENTROPY, 2).tolist() == [False, False, True, False, False, True]
    drawn = [random_gate(6, 3, np.random.default_rng(seed)) for seed in range(600)]
    assert {int(gate.sum()) for gate in drawn} == {3}
    np.testing.assert_allclose(np.mean(drawn, axis=0), 0.5, atol=0.08)


def test_the_highest_entropy_positions_come_highest_first() -> None:
    assert highest_entropy_positions(ENTROPY, 3) == [4, 1, 3]


def test_of_the_top_alone_entropy_is_an_interval() -> None:
    """p = 1/2, 1/4 and 1/4 on others: H_head = ln 2 / 2 + ln 4 / 4 = ln 2. The rest on one token as
    probable as the second: + ln 4 / 4; spread over 8 others: + (1/4) ln 32. All of it known: H."""
    top = np.log(np.array([[0.5, 0.25], [0.5, 0.5]], np.float32))
    low, high = entropy_interval(top, 10)
    np.testing.assert_allclose(low, [1.5 * math.log(2), math.log(2)], rtol=1e-6)
    np.testing.assert_allclose(high, [2.25 * math.log(2), math.log(2)], rtol=1e-6)
    whole = entropy_interval(top[1:], 2)
    np.testing.assert_allclose(whole, [[math.log(2)]] * 2, rtol=1e-6)


@given(st.integers(0, 10**6), st.integers(1, 12), st.floats(0, 4))
def test_the_interval_of_the_top_holds_the_entropy(seed: int, k: int, spread: float) -> None:
    logits = torch.randn(20, 12, generator=torch.Generator().manual_seed(seed)) * spread
    top = logits.log_softmax(-1).topk(k).values.numpy()
    low, high = entropy_interval(top, 12)
    exact = entropy(logits).numpy()
    assert (low - 1e-5 <= exact).all()
    assert (exact <= high + 1e-5).all()
