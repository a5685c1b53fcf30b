"""Draw the next token. Works on a copy of the logits, so that statistics use the raw ones."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from core.entropy import threshold_gate
from core.records import ForkTemperature, Sampler

_DRAWS, _PLACES = 0, 1  # streams of a chain's seed


def uniforms(seed: int, length: int) -> NDArray[np.float64]:
    """One uniform number per completion position, (length,), a pure function of (seed, position).

    A row's draws are therefore independent of its batch and of where it was forked: a branch
    forced with the chain's own token continues exactly as its parent.
    """
    return _stream(seed, _DRAWS, length)


def random_places(forks: ForkTemperature, seed: int, length: int) -> NDArray[np.bool_]:
    """The positions, (length,), that the control of a temperature at forks takes instead: each
    with the probability `random_share`, a pure function of (seed, position)."""
    assert forks.random_share is not None
    return _stream(seed, _PLACES, length) < forks.random_share


def at_fork_temperature(
    forks: ForkTemperature, seed: int, entropy_nats: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Which tokens of a chain, (T,), were drawn at the temperature of forks."""
    if forks.random_share is not None:
        return random_places(forks, seed, len(entropy_nats))
    return threshold_gate(entropy_nats, forks.tau)


def _stream(seed: int, number: int, length: int) -> NDArray[np.float64]:
    return np.random.Generator(np.random.Philox(key=seed ^ number << 64)).random(length)


def choose(
    logits: torch.Tensor,
    sampler: Sampler,
    uniform: NDArray[np.float64] | None,
    at_forks: NDArray[np.bool_] | None = None,
) -> torch.Tensor:
    """Draw the next token of every row.

    Args:
        logits: (n, V) raw logits.
        sampler: temperature, then top-k, top-p and min-p, in transformers' order.
        uniform: (n,) in [0, 1), one draw per row; unused when greedy.
        at_forks: (n,) the rows drawn at the temperature of forks; none when None.

    Returns:
        (n,) token ids.
    """
    if sampler.forks is None or at_forks is None:
        return _choose(logits, sampler, uniform)
    chosen = logits.new_empty(len(logits), dtype=torch.long)
    temperatures = ((~at_forks, sampler.temperature), (at_forks, sampler.forks.temperature))
    for rows, temperature in temperatures:
        if rows.any():
            at = torch.as_tensor(rows, device=logits.device)
            one = replace(sampler, temperature=temperature, forks=None)
            chosen[at] = _choose(logits[at], one, None if uniform is None else uniform[rows])
    return chosen


def _choose(
    logits: torch.Tensor, sampler: Sampler, uniform: NDArray[np.float64] | None
) -> torch.Tensor:
    if sampler.greedy:
        return logits.argmax(dim=-1)
    assert uniform is not None
    probabilities, ids = filtered_distribution(logits, sampler)
    cumulative = probabilities.cumsum(dim=-1)
    draw = torch.as_tensor(uniform, dtype=torch.float32, device=logits.device).unsqueeze(-1)
    # Scaled by the mass kept instead of 1, so that rounding can't point past the last kept token.
    index = torch.searchsorted(cumulative, draw * cumulative[:, -1:], right=True)
    last_kept = (probabilities > 0).sum(dim=-1, keepdim=True) - 1
    return ids.gather(-1, index.minimum(last_kept)).squeeze(-1)


def filtered_distribution(
    logits: torch.Tensor, sampler: Sampler
) -> tuple[torch.Tensor, torch.Tensor]:
    """The distribution that a sampler draws from, most probable first.

    Returns:
        Probabilities (n, V) float32, 0 for filtered tokens and not renormalised, and ids (n, V).
    """
    scaled = logits.float() / sampler.temperature
    scaled, ids = scaled.sort(dim=-1, descending=True, stable=True)
    probabilities = scaled.softmax(dim=-1)
    if sampler.top_k:
        # As in transformers, ties with the k-th token are kept.
        kth = scaled[:, min(sampler.top_k, scaled.shape[-1]) - 1].unsqueeze(-1)
        probabilities = probabilities * (scaled >= kth)
        probabilities = probabilities / probabilities.sum(dim=-1, keepdim=True)
    if sampler.top_p < 1:
        before = probabilities.cumsum(dim=-1) - probabilities
        probabilities = probabilities * (before < sampler.top_p)
        probabilities = probabilities / probabilities.sum(dim=-1, keepdim=True)
    if sampler.min_p > 0:
        probabilities = probabilities * (probabilities >= sampler.min_p * probabilities[:, :1])
    return probabilities, ids


def chain_seed(seed: int, problem_id: str, sample: int) -> int:
    """Seed of one chain of a problem set, derived from problem and sample, not from their order.

    A problem keeps its chains when the rest of the set changes, and no two problems share draws.
    """
    key = f"{seed}\0{problem_id}\0{sample}".encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=4).digest(), "big")


def keyed_generator(seed: int, problem_id: str, purpose: str) -> np.random.Generator:
    """Random generator of one problem and purpose, independent of the order of problems."""
    key = f"{seed}\0{problem_id}\0{purpose}".encode()
    return np.random.default_rng(
        int.from_bytes(hashlib.blake2b(key, digest_size=16).digest(), "big")
    )
