"""Sampling draws from what transformers' own processors leave, one seed one draw."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from transformers.generation.logits_process import (
    LogitsProcessorList,
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from core.decoding.sampling import chain_seed, choose, filtered_distribution, uniforms
from core.records import Sampler

SAMPLERS = [
    Sampler(temperature=1.0),
    Sampler(temperature=0.6, top_p=0.95),
    Sampler(temperature=1.3, top_k=7),
    Sampler(temperature=0.8, top_k=20, top_p=0.7),
    Sampler(temperature=1.0, min_p=0.1),
    Sampler(temperature=2.0, top_k=30, top_p=0.9, min_p=0.05),
    Sampler(temperature=1.0, top_p=1e-6),
]


def peer_distribution(logits: torch.Tensor, sampler: Sampler) -> torch.Tensor:
    steps = LogitsProcessorList([TemperatureLogitsWarper(sampler.temperature)])
    if sampler.top_k:
        steps.append(TopKLogitsWarper(sampler.top_k))
    if sampler.top_p < 1:
        steps.append(TopPLogitsWarper(sampler.top_p))
    if sampler.min_p:
        steps.append(MinPLogitsWarper(sampler.min_p))
    return steps(torch.zeros(len(logits), 1, dtype=torch.long), logits).softmax(-1)


@pytest.mark.parametrize("sampler", SAMPLERS, ids=str)
def test_the_distribution_equals_transformers_processors(sampler: Sampler) -> None:
    torch.manual_seed(1)
    logits = torch.randn(20, 100) * 3
    sorted_probabilities, ids = filtered_distribution(logits, sampler)
    ours = torch.zeros_like(logits).scatter(1, ids, sorted_probabilities)
    ours = ours / ours.sum(-1, keepdim=True)
    torch.testing.assert_close(ours, peer_distribution(logits, sampler), atol=1e-6, rtol=1e-5)


def test_draws_follow_the_distribution() -> None:
    logits = torch.tensor([[2.0, 1.0, 0.0, -1.0]])
    sampler = Sampler(temperature=0.8, top_k=3)
    n = 40_000
    drawn = choose(logits.expand(n, -1), sampler, uniforms(3, n))
    expected = peer_distribution(logits, sampler)[0].numpy()
    shares = np.bincount(drawn, minlength=4) / n
    np.testing.assert_allclose(shares, expected, atol=4 * np.sqrt(0.25 / n))
    assert shares[3] == 0


@pytest.mark.parametrize("draw", [0.0, 0.5, np.nextafter(1.0, 0.0)])
def test_a_filtered_token_is_never_drawn_even_at_the_edges(draw: float) -> None:
    logits = torch.randn(1, 50_000)
    allowed = set(logits.topk(3).indices[0].tolist())
    chosen = choose(logits, Sampler(temperature=1.0, top_k=3), np.array([draw]))
    assert int(chosen) in allowed


def test_greedy_is_the_argmax_and_needs_no_draw() -> None:
    logits = torch.randn(5, 40)
    assert choose(logits, Sampler(), None).tolist() == logits.argmax(-1).tolist()


def test_draws_depend_on_seed_and_position_only() -> None:
    np.testing.assert_array_equal(uniforms(7, 10), uniforms(7, 500)[:10])
    assert (uniforms(7, 10) != uniforms(8, 10)).all()


def test_seeds_of_a_set_are_keyed_by_problem_and_sample() -> None:
    seeds = {chain_seed(s, p, n) for s in (0, 1) for p in ("a", "b") for n in (0, 1, 10)}
    assert len(seeds) == 12
    assert chain_seed(0, "a", 1) == chain_seed(0, "a", 1)
