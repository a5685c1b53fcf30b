"""Decoding with statistics on the fly, against `generate` and the same statistics afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch

from benchmarks import peer
from benchmarks.timing import alternate, line
from core.decoding.loop import Row, decode
from core.models.language_model import LanguageModel
from core.records import Sampler

ALTERNATIVES = 5
TARGET = 1.0  # ours / theirs, at most
ROUNDS = {1: 8, 32: 1}  # by batch size: small batches are short, and need more rounds

Batch = Sequence[tuple[int, ...]]
"""Prompts that are decoded together."""

Result = list[tuple[list[int], np.ndarray]]
"""A row's tokens and their entropies, nats."""


def run(lm: LanguageModel, prompts: Sequence[Sequence[int]], limit: int, rounds: int) -> list[str]:
    """Batches of 1 and of 32 different problems, others every round; one table line each."""
    lines = []
    for size, factor in ROUNDS.items():
        count = rounds * factor
        chosen = [tuple(prompts[i % len(prompts)]) for i in range(count * size)]
        batches = [chosen[i * size : (i + 1) * size] for i in range(count)]
        check(ours(lm, batches[0], limit), theirs(lm, batches[0], limit))  # warm-up
        measured = []
        for i, batch in enumerate(batches):
            mine, other = partial(ours, lm, batch, limit), partial(theirs, lm, batch, limit)
            measured.append(alternate(i, mine, other, check))
        name = f"batch {size}, {count} rounds"
        lines.append(line(name, measured, faster=False, target=TARGET))
    return lines


def ours(lm: LanguageModel, batch: Batch, limit: int) -> Result:
    """Statistics on the fly."""
    rows = [Row(prompt) for prompt in batch]
    decoded = decode(lm, rows, Sampler(max_new_tokens=limit), k=ALTERNATIVES)
    return [(list(each.token_ids), each.statistics.entropy) for each in decoded]


@torch.inference_mode()
def theirs(lm: LanguageModel, batch: Batch, limit: int) -> Result:
    """Statistics afterwards, from all logits."""
    out = peer.generate(lm.model, batch, limit, logits=True)
    width = max(map(len, batch))
    logits = torch.stack(out.logits, dim=1)  # (n, T, V)
    statistics = peer.statistics_of(logits, out.sequences[:, width:], ALTERNATIVES)
    result = []
    for sequence, entropy in zip(out.sequences, statistics.entropy, strict=True):
        ids = peer.new_tokens(sequence, width, lm.eos_ids)
        result.append((ids, entropy[: len(ids)]))
    return result


def check(ours: Result, theirs: Result) -> None:
    """Reject other tokens, or other entropies."""
    assert [ids for ids, _ in ours] == [ids for ids, _ in theirs], "the tokens differ"
    for (_, a), (_, b) in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-3)
