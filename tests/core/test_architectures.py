"""Every architecture gives what plain transformers gives: chains, forks, scores, training steps."""

from __future__ import annotations

import copy
import math
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from architectures import ARCHITECTURES, VOCABULARY, WINDOW, language_model
from models import byte_level_tokenizer
from plain_reasonmaxxer import (
    assert_gradients_close,
    plain_step,
    rollout,
    step,
    tiny_trainer,
)
from transformers import BertConfig, BertLMHeadModel

from core.chains.generation import Fork, fork, generate
from core.decoding.scoring import score
from core.disagreement.token_classes import disagree
from core.errors import ModelError
from core.models.architecture import can_share_prefixes
from core.models.language_model import LanguageModel, wrap
from core.models.spec import ModelSpec
from core.reasonmaxxer.loss import LossSettings
from core.records import Chain, Problem, Sampler, TokenStatistics

each_architecture = pytest.mark.parametrize("kind", ARCHITECTURES)
EOS = 0
LIMIT = 24  # three times the window of sliding attention
GREEDY = Sampler(max_new_tokens=LIMIT)
PROBLEMS = [
    Problem("a", "Ann saws a log into 9 pieces. How many cuts?"),
    Problem("b", "8×8=你好?"),
    Problem("c", "To start, there are 9 pieces."),
]
TOLERANCE = 1e-4  # nats; float32 sums in another order


@cache
def made_by(kind: str) -> tuple[LanguageModel, list[Chain]]:
    """The model, and its greedy chains of the problems, in one batch of two slots."""
    lm = language_model(kind)
    style = {"prompt_style": "plain", "batch_size": 2}
    return lm, generate(lm, PROBLEMS, GREEDY, seeds=[0] * len(PROBLEMS), **style)


def plain_greedy(lm: LanguageModel, ids: tuple[int, ...], limit: int) -> tuple[int, ...]:
    """What transformers' own `generate` adds to ids."""
    if limit == 0 or ids[-1] == EOS:
        return ()
    out = lm.model.generate(
        torch.tensor([ids]),
        attention_mask=torch.ones(1, len(ids), dtype=torch.long),
        do_sample=False,
        max_new_tokens=limit,
        pad_token_id=EOS,
        eos_token_id=EOS,
    )
    return tuple(out[0, len(ids) :].tolist())


def assert_plain_statistics(lm: LanguageModel, chain: Chain, found: TokenStatistics) -> None:
    """One forward pass over the whole chain, all of its logits, log-softmax, the definitions."""
    start = len(chain.prompt_ids)
    ids = torch.tensor([[*chain.prompt_ids, *chain.token_ids]])
    with torch.no_grad():
        logits = lm.model(ids, use_cache=False).logits[0, start - 1 : -1]
    logprobs = torch.log_softmax(logits.float(), -1)  # (T, V)
    own = logprobs.gather(-1, ids[0, start:, None])
    entropy = -(logprobs.exp() * logprobs).sum(-1)
    top = logprobs.topk(found.top_ids.shape[1]).values
    np.testing.assert_allclose(found.entropy, entropy, atol=TOLERANCE)
    np.testing.assert_allclose(found.logprob, own[:, 0], atol=TOLERANCE)
    np.testing.assert_allclose(found.top_logprobs, top, atol=TOLERANCE)
    assert found.rank.tolist() == (1 + (logprobs > own + TOLERANCE).sum(-1)).tolist()


@each_architecture
def test_greedy_chains_and_their_statistics_are_the_plain_ones(kind: str) -> None:
    lm, chains = made_by(kind)
    assert lm.vocab_size == VOCABULARY
    assert lm.shares_prefixes == ARCHITECTURES[kind].shares_prefixes
    for chain in chains:
        assert chain.token_ids == plain_greedy(lm, chain.prompt_ids, LIMIT)
        assert_plain_statistics(lm, chain, chain.statistics)
    assert max(len(set(chain.token_ids)) for chain in chains) > 2, "no chain that only repeats"
    assert max(map(len, chains)) > 2 * WINDOW


@each_architecture
def test_branches_that_share_a_prefix_are_those_of_the_explicit_prefix(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lm, (chain, *_) = made_by(kind)
    monkeypatch.setattr("core.decoding.stepping.SHARED_AT_LEAST", 1)
    forks = [
        Fork(position, int(chain.statistics.top_ids[position, rank]))
        for position, rank in ((1, 0), (1, 1), (1, 4), (9, 1), (9, 4), (17, 1))
        if position < len(chain)
    ]
    for each, branch in zip(forks, fork(lm, chain, forks), strict=True):
        kept = (*chain.token_ids[: each.position], each.token_id)
        new = plain_greedy(lm, (*chain.prompt_ids, *kept), LIMIT - len(kept))
        assert branch.token_ids == kept + new
        assert_plain_statistics(lm, branch, branch.statistics)


@each_architecture
def test_scored_chains_have_the_plain_statistics(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lm, chains = made_by(kind)
    for positions_at_once in (5, 10_000):
        monkeypatch.setattr(
            "core.decoding.scoring._LOGITS_BYTES", positions_at_once * 4 * VOCABULARY
        )
        for chain in chains:
            assert_plain_statistics(lm, chain, score(lm, chain.prompt_ids, chain.token_ids))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_model_that_reads_ahead_is_refused(dtype: torch.dtype) -> None:
    torch.manual_seed(2)
    shape = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "initializer_range": 0.35,
    }
    for is_decoder in (True, False):
        config = BertConfig(vocab_size=VOCABULARY, is_decoder=is_decoder, **shape)
        model = BertLMHeadModel(config).to(dtype).eval()
        if is_decoder:
            wrap(ModelSpec("tiny"), model, byte_level_tokenizer())
        else:
            with pytest.raises(ModelError, match="bert read in both directions"):
                wrap(ModelSpec("tiny"), model, byte_level_tokenizer())


ROLLOUTS = [
    rollout("abcde", "fghijklmnopqa", [0, 3, 7], -1.5),
    rollout("b", "cda", [1], 0.75),
    rollout("tuvw", "abab", [2, 3], -0.5),
]


@each_architecture
def test_a_reasonmaxxer_step_has_the_plain_value_and_gradients(kind: str, tmp_path: Path) -> None:
    model = language_model(kind).model
    base = copy.deepcopy(model)
    chosen = LossSettings(averaging="sequence")
    trainer = tiny_trainer(model, ROLLOUTS, tmp_path, chosen, ARCHITECTURES[kind].adapted)
    expected, plain = plain_step(trainer.model, base, ROLLOUTS, chosen)
    loss, found = step(trainer, [ROLLOUTS[:2], ROLLOUTS[2:]])
    assert loss == pytest.approx(expected, rel=1e-5)
    assert_gradients_close(found, plain, tolerance=1e-3)
    assert can_share_prefixes(trainer.model) == ARCHITECTURES[kind].shares_prefixes


@each_architecture
def test_disagreement_is_that_of_two_plain_forward_passes(kind: str) -> None:
    lm, chains = made_by(kind)
    model = copy.deepcopy(lm.model)
    torch.manual_seed(1)
    for parameter in model.parameters():
        parameter.data += 0.1 * parameter.std(correction=0) * torch.randn_like(parameter)
    teacher = wrap(ModelSpec("teacher"), model, lm.tokenizer)
    for chain in chains:
        found = disagree(lm, teacher, chain.prompt_ids, chain.token_ids)
        ids = torch.tensor([[*chain.prompt_ids, *chain.token_ids]])
        with torch.inference_mode():
            base, other = (
                each.model(input_ids=ids, use_cache=False).logits[0].double()
                for each in (lm, teacher)
            )
        for position in range(len(chain)):
            ours, theirs = (
                each[len(chain.prompt_ids) - 1 + position].log_softmax(-1) for each in (base, other)
            )
            mean = torch.stack([ours, theirs]).logsumexp(0) - math.log(2)
            divergence = sum((p.exp() * (p - mean)).sum() / 2 for p in (ours, theirs))
            assert found.js_divergence[position] == pytest.approx(float(divergence), abs=TOLERANCE)
            choice = int(found.teacher_argmax[position])
            assert theirs[choice] >= theirs.max() - TOLERANCE
            assert ours[int(found.base_argmax[position])] >= ours.max() - TOLERANCE
            better = ours > ours[choice]
            ties = (ours - ours[choice]).abs() < TOLERANCE
            rank = int(found.base_rank[position])
            assert 1 + (better & ~ties).sum() <= rank <= 1 + (better | ties).sum()
