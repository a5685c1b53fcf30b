"""Entropy, rank and alternatives of next-token distributions, and the gates that select forks.

All statistics are of the raw distribution: temperature 1, full vocabulary, float32.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from core.records import DEFAULT_ALTERNATIVES, TokenStatistics

NATS_PER_BIT = math.log(2)

_SMALLEST_LOGPROB = torch.finfo(torch.float32).min  # stands for log 0: JSON has no infinity

Gate = NDArray[np.bool_]  # (T,) True where a position is a decision point


def nats_to_bits(nats: float) -> float:
    """Convert nats to bits."""
    return nats / NATS_PER_BIT


def entropy(logits: torch.Tensor) -> torch.Tensor:
    """Shannon entropy in nats of raw logits (..., V); shape (...).

    H_t = -sum_v p log p (paper section 2). Tokens of probability 0 contribute 0, never NaN.
    """
    return _normalised(logits)[2].squeeze(-1)


def _normalised(logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Terms shared by entropy and log-probabilities.

    One tensor of exponentials serves both sums. torch.log_softmax is less exact: over 150,000
    tokens its float32 entropy is off by 3e-5.

    Returns:
        logits less their maximum, float32 and finite (..., V); log Z of these (..., 1); entropy
        log Z - E[z] (..., 1), nats.
    """
    shifted = logits.float()
    shifted = (shifted - shifted.amax(dim=-1, keepdim=True)).clamp_min_(_SMALLEST_LOGPROB)
    weights = shifted.exp()
    mass = weights.sum(dim=-1, keepdim=True)
    log_mass = mass.log()
    return shifted, log_mass, log_mass - weights.mul_(shifted).sum(dim=-1, keepdim=True) / mass


def entropy_interval(
    top_logprobs: NDArray[np.float32], vocab_size: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The least and the greatest entropy of distributions of which only the top is known, nats.

    With H_head = -sum p ln p over the k known tokens and m the mass outside them, H lies between
    H_head - m ln p_k (all of it on tokens as probable as the k-th) and H_head - m ln(m / (V - k))
    (spread over all others).

    Args:
        top_logprobs: (T, k) nats, most probable first.
        vocab_size: V tokens, of which k are known.

    Returns:
        (T,) each. They are equal where no mass is left.
    """
    known = top_logprobs.astype(np.float64)
    probabilities = np.exp(known)
    head = -(probabilities * known).sum(axis=-1)
    left = np.clip(1 - probabilities.sum(axis=-1), 0, None)
    others = vocab_size - known.shape[-1]
    if others <= 0:
        return head, head
    low = head - left * known[..., -1]
    spread = np.log(np.where(left > 0, left, 1) / others)
    return low, np.maximum(head - left * spread, low)


def js_divergence(p: torch.Tensor, q: torch.Tensor) -> torch.Tensor:
    """Jensen-Shannon divergence in nats, (n, 1), of two distributions (n, V).

    (KL(p || m) + KL(q || m)) / 2 with m = (p + q) / 2; from 0 to ln 2. A token of probability 0
    adds 0.
    """
    mean = (p + q).div_(2)
    total = torch.zeros_like(p[:, :1])
    for each in (p, q):
        total += (each / mean).log_().mul_(each).nan_to_num_(0).sum(dim=-1, keepdim=True)
    return total.div_(2).clamp_(0, math.log(2))


def packed_statistics(
    logits: torch.Tensor, chosen: torch.Tensor, k: int = DEFAULT_ALTERNATIVES
) -> torch.Tensor:
    """Statistics of n positions packed into one small tensor, for a single transfer to the host.

    Args:
        logits: (n, V) raw logits.
        chosen: (n,) the chain's own token at each position.
        k: number of alternatives to keep; at most V.

    Returns:
        (n, 2k + 3) float32: entropy, logprob, rank, k ids, k logprobs. Ids and ranks are exact in
        float32 for vocabularies below 2^24.
    """
    shifted, log_mass, entropy_nats = _normalised(logits)
    chosen = chosen.unsqueeze(-1)
    chosen_shifted = shifted.gather(-1, chosen)
    rank = (shifted > chosen_shifted).sum(dim=-1, keepdim=True) + 1
    top_shifted, top_ids = shifted.topk(k, dim=-1)
    return torch.cat(
        (
            entropy_nats,
            chosen_shifted - log_mass,
            rank.float(),
            top_ids.float(),
            top_shifted - log_mass,
        ),
        dim=-1,
    )


def unpack_statistics(packed: NDArray[np.float32]) -> TokenStatistics:
    """Split (T, 2k + 3) rows of `packed_statistics` into columns."""
    k = (packed.shape[1] - 3) // 2
    return TokenStatistics(
        entropy=packed[:, 0].copy(),
        logprob=packed[:, 1].copy(),
        rank=packed[:, 2].astype(np.int32),
        top_ids=packed[:, 3 : 3 + k].astype(np.int32),
        top_logprobs=packed[:, 3 + k :].copy(),
    )


def threshold_gate(entropy_nats: NDArray[np.float32], tau: float) -> Gate:
    """Decision points: positions with H_t > tau, tau in nats (paper section 5)."""
    return entropy_nats > tau


def top_fraction_gate(entropy_nats: NDArray[np.float32], fraction: float) -> Gate:
    """The `fraction` of positions with the highest entropy; ties go to the earlier position."""
    return _first(np.argsort(-entropy_nats, kind="stable"), _budget(entropy_nats, fraction))


def top_fraction_threshold(entropies_nats: NDArray[np.float32], fraction: float) -> float:
    """The tau above which at most `fraction` of these entropies lie, nats.

    It is one of the entropies: the highest that leaves no more than `fraction` above it, so that
    equal entropies are on one side.

    Args:
        entropies_nats: (N,) ascending.
        fraction: from 0 to 1; at 1 everything lies above.
    """
    above = _budget(entropies_nats, fraction)
    if above == len(entropies_nats):
        return -math.inf
    return float(entropies_nats[len(entropies_nats) - above - 1])


def low_entropy_gate(entropy_nats: NDArray[np.float32], budget: int) -> Gate:
    """Control: the `budget` positions with the lowest entropy."""
    return _first(np.argsort(entropy_nats, kind="stable"), budget)


def random_gate(length: int, budget: int, rng: np.random.Generator) -> Gate:
    """Control: `budget` positions drawn at random without replacement."""
    return _first(rng.permutation(length), budget)


def first_gate(length: int, budget: int) -> Gate:
    """Control: the first `budget` positions."""
    return _first(np.arange(length), budget)


def last_gate(length: int, budget: int) -> Gate:
    """Control: the last `budget` positions."""
    return _first(np.arange(length)[::-1], budget)


def stride_gate(length: int, budget: int) -> Gate:
    """Control: `budget` positions at equal distances, each in the middle of its part."""
    gate = np.zeros(length, dtype=np.bool_)
    parts = np.arange(budget)
    gate[(2 * parts + 1) * length // (2 * max(budget, 1))] = True
    return gate


def highest_entropy_positions(entropy_nats: NDArray[np.float32], k: int) -> list[int]:
    """The k positions of highest entropy, highest first; ties go to the earlier position."""
    return [int(i) for i in np.argsort(-entropy_nats, kind="stable")[:k]]


def _budget(entropy_nats: NDArray[np.float32], fraction: float) -> int:
    if not 0 <= fraction <= 1:
        raise ValueError("fraction must lie between 0 and 1")
    return round(fraction * len(entropy_nats))


def _first(order: NDArray[np.intp], budget: int) -> Gate:
    gate = np.zeros(len(order), dtype=np.bool_)
    gate[order[:budget]] = True
    return gate
