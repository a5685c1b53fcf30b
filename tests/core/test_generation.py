"""Chains carry everything; forks keep what stands before them."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from models import byte_level_tokenizer, random_qwen3, tiny_language_model
from tokenizers.processors import TemplateProcessing

from core.chain_json import chain_from_json, chain_to_json
from core.chains.assembly import GrowingChain, scored_chain
from core.chains.generation import Fork, fork, generate, look_up
from core.decoding.scoring import score
from core.errors import ModelError, PositionError, PromptError
from core.models.language_model import LanguageModel, wrap
from core.models.spec import ModelSpec
from core.records import Chain, Problem, Sampler, StopReason

PROBLEM = Problem("p1", "How many cuts?", "8", "test", "cuts")
SAMPLED = Sampler(temperature=1.0, max_new_tokens=30)


@pytest.fixture(scope="module")
def lm() -> LanguageModel:
    return tiny_language_model()


@pytest.fixture(scope="module")
def chain(lm: LanguageModel) -> Chain:
    return generate(lm, [PROBLEM], SAMPLED, [5])[0]


def test_a_chain_survives_json_exactly(chain: Chain) -> None:
    again, outcome = chain_from_json(chain_to_json(chain))
    assert outcome is None
    assert chain_to_json(again) == chain_to_json(chain)
    np.testing.assert_array_equal(again.statistics.entropy, chain.statistics.entropy)


def test_the_same_seed_repeats_a_chain_in_any_company(lm: LanguageModel, chain: Chain) -> None:
    others = [Problem("p2", "How many pieces?"), PROBLEM, Problem("p3", "Why?")]
    again = generate(lm, others, SAMPLED, [1, 5, 2])[1]
    assert again.token_ids == chain.token_ids


def test_a_fork_keeps_the_past_and_marks_the_forced_token(lm: LanguageModel, chain: Chain) -> None:
    position = len(chain) // 2
    token = int(chain.statistics.top_ids[position, 2])
    (branch,) = fork(lm, chain, [Fork(position, token)])
    assert branch.token_ids[:position] == chain.token_ids[:position]
    assert branch.token_ids[position] == token
    assert [i for i, forced in enumerate(branch.forced) if forced] == [position]
    assert branch.statistics.rank[position] == 3
    scored = score(lm, branch.prompt_ids, branch.token_ids)
    np.testing.assert_allclose(branch.statistics.entropy, scored.entropy, atol=1e-4)
    np.testing.assert_allclose(branch.statistics.logprob, scored.logprob, atol=1e-4)
    assert len(branch.top_tokens) == len(branch.tokens) == len(branch)


def test_a_fork_of_a_fork_keeps_both_forced_marks(lm: LanguageModel, chain: Chain) -> None:
    (first,) = fork(lm, chain, [Fork(2, int(chain.statistics.top_ids[2, 1]))])
    late = len(first) - 1
    (second,) = fork(lm, first, [Fork(late, int(first.statistics.top_ids[late, 1]))])
    assert [i for i, forced in enumerate(second.forced) if forced] == [2, late]


def test_a_fork_at_an_earlier_position_forgets_the_later_mark(
    lm: LanguageModel, chain: Chain
) -> None:
    (first,) = fork(lm, chain, [Fork(8, int(chain.statistics.top_ids[8, 1]))])
    (second,) = fork(lm, first, [Fork(3, int(first.statistics.top_ids[3, 1]))])
    assert [i for i, forced in enumerate(second.forced) if forced] == [3]


def test_a_chain_of_another_model_is_not_continued_by_this_one(
    lm: LanguageModel, chain: Chain
) -> None:
    for other in (replace(chain, model="other"), replace(chain, adapter="tuned")):
        with pytest.raises(ModelError, match="was made by"):
            fork(lm, other, [Fork(0, 1)])


def test_chains_that_no_model_could_have_made_are_refused(lm: LanguageModel, chain: Chain) -> None:
    with pytest.raises(PositionError, match="vocabulary"):
        fork(lm, replace(chain, token_ids=(5000, *chain.token_ids[1:])), [Fork(0, 1)])
    with pytest.raises(PromptError, match="no prompt"):
        fork(lm, replace(chain, prompt_ids=()), [Fork(0, 1)])
    endless = Sampler(temperature=1.0, max_new_tokens=2_000_000_000)
    with pytest.raises(PromptError, match="max new tokens"):
        fork(lm, replace(chain, sampler=endless), [Fork(0, 1)])


def test_two_readers_of_a_growing_chain_see_the_same_numbers(lm: LanguageModel) -> None:
    kept: list[GrowingChain] = []
    (whole,) = generate(lm, [PROBLEM], SAMPLED, [5], watch=lambda _, each: kept.append(each))
    growing = kept[-1]
    long = growing.snapshot()
    growing._joined = (3, long.statistics[:2])  # a slower reader finishes after a faster one
    np.testing.assert_array_equal(growing.snapshot().entropy, whole.entropy)


@pytest.mark.parametrize("position", [-1, 1000])
def test_a_position_outside_the_chain_is_refused(
    lm: LanguageModel, chain: Chain, position: int
) -> None:
    with pytest.raises(PositionError, match="no position"):
        fork(lm, chain, [Fork(position, 1)])


def test_looking_up_a_token_agrees_with_its_statistics(lm: LanguageModel, chain: Chain) -> None:
    for rank in (1, 4):
        token = int(chain.statistics.top_ids[6, rank - 1])
        found = look_up(lm, chain, 6, [token])
        assert found.rank.tolist() == [rank]
        assert found.logprob == pytest.approx(chain.statistics.top_logprobs[6, rank - 1], abs=1e-4)


def test_streaming_shows_what_the_finished_chain_holds(lm: LanguageModel) -> None:
    seen: list[Chain] = []

    def watch(_: int, growing: GrowingChain) -> None:
        seen.append(growing.snapshot())

    (whole,) = generate(lm, [PROBLEM], SAMPLED, [5], watch=watch)
    assert [len(s) for s in seen] == list(range(1, len(whole) + 1))
    for partial in seen:
        assert partial.token_ids == whole.token_ids[: len(partial)]
        np.testing.assert_array_equal(partial.entropy, whole.entropy[: len(partial)])


def test_a_cancelled_chain_keeps_its_tokens(lm: LanguageModel) -> None:
    stop = threading.Event()

    def watch(_: int, growing: GrowingChain) -> None:
        if len(growing.snapshot()) == 4:
            stop.set()

    (chain,) = generate(lm, [PROBLEM], SAMPLED, [5], watch=watch, cancel=stop.is_set)
    assert len(chain) == 4
    assert chain.stop_reason == StopReason.CANCELLED


def test_questions_that_can_not_be_asked_are_refused(lm: LanguageModel) -> None:
    with pytest.raises(PromptError):
        generate(lm, [Problem("e", "  \n ")], SAMPLED, [0])
    with pytest.raises(PromptError, match="512"):
        generate(lm, [Problem("long", "why " * 600)], SAMPLED, [0])
    with pytest.raises(PromptError, match="max new tokens"):
        generate(lm, [PROBLEM], Sampler(max_new_tokens=5000), [0])


def test_a_bos_token_belongs_to_the_prompt_and_is_no_position() -> None:
    tokenizer = byte_level_tokenizer()
    tokenizer.add_special_tokens({"bos_token": "<bos>"})
    bos = tokenizer.bos_token_id
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<bos> $A", special_tokens=[("<bos>", bos)]
    )
    model = random_qwen3(len(tokenizer) + 7)
    lm = wrap(ModelSpec("with bos"), model, tokenizer)
    (chain,) = generate(lm, [PROBLEM], Sampler(max_new_tokens=6), [0])
    assert chain.prompt_ids[0] == bos
    assert chain.prompt_ids.count(bos) == 1
    assert len(chain.entropy) == len(chain.token_ids) == 6
    scored = score(lm, chain.prompt_ids, chain.token_ids)
    np.testing.assert_allclose(chain.entropy, scored.entropy, atol=1e-4)


def test_scoring_in_small_chunks_changes_nothing(
    lm: LanguageModel, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = score(lm, chain.prompt_ids, chain.token_ids)
    monkeypatch.setattr("core.decoding.scoring._LOGITS_BYTES", 4 * lm.vocab_size * 3)
    pieces = score(lm, chain.prompt_ids, chain.token_ids)
    np.testing.assert_allclose(pieces.entropy, whole.entropy, atol=1e-5)
    assert pieces.top_ids.tolist() == whole.top_ids.tolist()


def test_an_empty_prompt_can_not_be_scored(lm: LanguageModel) -> None:
    with pytest.raises(PromptError, match="The prompt is empty"):
        score(lm, [], [1, 2])


def test_a_chain_known_by_its_ids_is_the_chain_that_was_generated(lm: LanguageModel) -> None:
    day = date(2026, 3, 1)
    (chain,) = generate(lm, [PROBLEM], SAMPLED, [5], prompt_date=day)
    (forked,) = fork(lm, chain, [Fork(3, 7)])
    again = scored_chain(
        lm, PROBLEM, forked.prompt_ids, forked.token_ids, forced={3}, sampler=chain.sampler,
        stop_reason=forked.stop_reason, seed=5, prompt_style=forked.prompt_style,
        prompt_date=day,
    )  # fmt: skip
    np.testing.assert_allclose(again.entropy, forked.entropy, atol=1e-4)
    assert again.statistics.rank.tolist() == forked.statistics.rank.tolist()
    assert replace(again, statistics=forked.statistics) == forked


@pytest.mark.parametrize(
    "other", [{"model": "m"}, {"adapter": "a"}, {"revision": "v1"}, {"quantization": "4bit"}]
)
def test_a_chain_goes_on_only_with_the_model_that_made_it(other: dict[str, str]) -> None:
    lm = tiny_language_model()
    (chain,) = generate(lm, [Problem("p", "1+1?")], Sampler(max_new_tokens=4), seeds=[0])
    lm.spec = replace(lm.spec, **other)
    with pytest.raises(ModelError, match="made by tiny, adapter none, revision main"):
        fork(lm, chain, [Fork(1, 5)])
