"""50 forks of a chain as one batch that shares its prefix, against one `generate` call each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch

from benchmarks import peer
from benchmarks.timing import alternate, line
from core.chains.generation import Fork, fork, generate
from core.entropy import highest_entropy_positions
from core.models.language_model import LanguageModel
from core.records import Chain, Problem, Sampler

POSITIONS = 10
TARGET = 5.0  # theirs / ours, at least


def run(lm: LanguageModel, problems: Sequence[Problem], limit: int, rounds: int) -> str:
    """One chain a round: its 10 positions of highest entropy, each of their 5 alternatives."""
    sampler = Sampler(max_new_tokens=limit)
    chains = generate(lm, problems[:rounds], sampler, [0] * rounds)
    _theirs(lm, chains[0], _forks(chains[0])[:5])  # warm-up
    _ours(lm, chains[0], _forks(chains[0])[:5])
    measured = []
    for i, chain in enumerate(chains):
        forks = _forks(chain)
        ours, theirs = partial(_ours, lm, chain, forks), partial(_theirs, lm, chain, forks)
        measured.append(alternate(i, ours, theirs, _check))
    return line("50 forks, prefix store cold", measured, faster=True, target=TARGET)


def _forks(chain: Chain) -> list[Fork]:
    return [
        Fork(position, int(token))
        for position in highest_entropy_positions(chain.statistics.entropy, POSITIONS)
        for token in chain.statistics.top_ids[position]
    ]


def _ours(lm: LanguageModel, chain: Chain, forks: list[Fork]) -> list[list[int]]:
    lm.prefixes.clear()  # a cold start: the shared prefix is computed here, too
    return [list(branch.token_ids) for branch in fork(lm, chain, forks)]


def _theirs(lm: LanguageModel, chain: Chain, forks: list[Fork]) -> list[list[int]]:
    branches = []
    for each in forks:
        start = [*chain.token_ids[: each.position], each.token_id]
        room = chain.sampler.max_new_tokens - len(start)
        if each.token_id not in lm.eos_ids and room > 0:
            prompt = [*chain.prompt_ids, *start]
            with torch.inference_mode():
                out = peer.generate(lm.model, [prompt], room, logits=False)
            start += peer.new_tokens(out.sequences[0], len(prompt), lm.eos_ids)
        branches.append(start)
    return branches


def _check(ours: list[list[int]], theirs: list[list[int]]) -> None:
    assert ours == theirs, "the tokens differ"
