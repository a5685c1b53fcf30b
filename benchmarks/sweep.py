"""The base-only sweep of many chains in one batch, against one `generate` call an attempt."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch

from benchmarks import peer
from benchmarks.timing import Round, alternate, line
from core.chains.sweep import plan_sweep
from core.decoding.loop import Row, decode
from core.models.language_model import LanguageModel
from core.records import Sampler

POSITIONS = 5
CHAINS_A_ROUND = 10
TARGET = 5.0  # theirs / ours, at least


def run(lm: LanguageModel, prompts: Sequence[Sequence[int]], limit: int, chains: int) -> str:
    """Greedy chains of so many prompts, swept in rounds of 10 chains."""
    rows = sweeps(lm, prompts[:chains], limit)
    warm_up = rows[0][:5]
    check(ours(lm, warm_up, limit), theirs(lm, warm_up, limit))
    measured: list[Round] = []
    for i in range(0, len(rows), CHAINS_A_ROUND):
        attempts = [row for each in rows[i : i + CHAINS_A_ROUND] for row in each]
        mine, other = partial(ours, lm, attempts, limit), partial(theirs, lm, attempts, limit)
        measured.append(alternate(len(measured), mine, other, check))
    tries = sum(map(len, rows))
    name = f"{tries} tries on {len(rows)} chains"
    return line(name, measured, faster=True, target=TARGET)


def sweeps(lm: LanguageModel, prompts: Sequence[Sequence[int]], limit: int) -> list[list[Row]]:
    """What the base-only intervention tries on every prompt's greedy chain."""
    starts = [Row(tuple(prompt)) for prompt in prompts]
    planned = []
    for start, base in zip(starts, decode(lm, starts, Sampler(max_new_tokens=limit)), strict=True):
        ids = base.token_ids
        plan = plan_sweep(ids, base.statistics, POSITIONS, np.random.default_rng(0))
        planned.append(
            [
                Row(start.prompt_ids, ids[: each.position], {each.position: each.token_id})
                for each in plan.attempts
            ]
        )
    return planned


def ours(lm: LanguageModel, rows: Sequence[Row], limit: int) -> list[list[int]]:
    """Every attempt in one batch."""
    decoded = decode(lm, rows, Sampler(max_new_tokens=limit))  # its prefix store starts empty
    return [[*row.completion_ids, *each.token_ids] for row, each in zip(rows, decoded, strict=True)]


@torch.inference_mode()
def theirs(lm: LanguageModel, rows: Sequence[Row], limit: int) -> list[list[int]]:
    """A `generate` call an attempt."""
    completions = []
    for row in rows:
        (forced,) = row.forced.values()
        start = [*row.completion_ids, forced]
        room = limit - len(start)
        if forced not in lm.eos_ids and room > 0:
            prompt = [*row.prompt_ids, *start]
            out = peer.generate(lm.model, [prompt], room, logits=False)
            start += peer.new_tokens(out.sequences[0], len(prompt), lm.eos_ids)
        completions.append(start)
    return completions


def check(ours: list[list[int]], theirs: list[list[int]]) -> None:
    """Reject other tokens."""
    assert ours == theirs, "the tokens differ"
