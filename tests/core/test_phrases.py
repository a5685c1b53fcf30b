"""A typed phrase: its readings, its probability, and one branch with all its tokens forced."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from models import tiny_language_model

from core.chains.generation import Fork, fork, generate
from core.chains.judging import judge
from core.chains.phrases import odds, readings
from core.chains.tree import ForkTree
from core.decoding.scoring import score
from core.errors import PositionError
from core.models.language_model import LanguageModel
from core.records import Chain, Problem, Sampler

PROBLEM = Problem("p", "Ann saws a log", "64")
SAMPLER = Sampler(max_new_tokens=24)


@pytest.fixture(scope="module")
def lm() -> LanguageModel:
    return tiny_language_model(seed=3)


@pytest.fixture(scope="module")
def chain(lm: LanguageModel) -> Chain:
    endless = replace(lm, eos_ids=frozenset())
    (made,) = generate(endless, [PROBLEM], SAMPLER, [0])
    return made


def test_a_text_has_a_reading_with_a_space_and_one_without(lm: LanguageModel) -> None:
    found = readings(lm, "cut it")
    assert {"".join(each.tokens) for each in found} == {" cut it", "cut it"}
    assert [len(each.token_ids) for each in found] == sorted(len(e.token_ids) for e in found)
    assert [each.token_ids for each in readings(lm, " cut it")] == [
        tuple(lm.text.tokenise(" cut it"))
    ]
    assert readings(lm, "") == []


def test_the_odds_of_a_phrase_are_those_of_teacher_forcing(lm: LanguageModel, chain: Chain) -> None:
    phrase = max(readings(lm, "saws a cut"), key=lambda each: len(each.token_ids))
    found = odds(lm, chain, 5, phrase)
    statistics = score(lm, chain.prompt_ids, [*chain.token_ids[:5], *phrase.token_ids], k=1)
    np.testing.assert_allclose(found.logprob, statistics.logprob[5:].sum(), atol=1e-3)
    assert found.ranks == tuple(statistics.rank[5:].tolist())
    assert 0 < found.probability < 1


def test_all_tokens_of_a_phrase_are_forced_in_one_branch(lm: LanguageModel, chain: Chain) -> None:
    phrase = readings(lm, "saws a cut")[0]
    size = len(phrase.token_ids)
    assert size > 1
    (made,) = fork(replace(lm, eos_ids=frozenset()), chain, [Fork.of(5, phrase.token_ids)])
    assert made.token_ids[:5] == chain.token_ids[:5]
    assert made.token_ids[5 : 5 + size] == phrase.token_ids
    assert [i for i, each in enumerate(made.forced) if each] == list(range(5, 5 + size))
    assert made.text.find("saws a cut") >= 0
    whole = score(lm, made.prompt_ids, made.token_ids, k=1)
    np.testing.assert_allclose(made.statistics.logprob, whole.logprob, atol=1e-3)


def test_a_branch_knows_its_phrase_and_keeps_it_in_a_file(lm: LanguageModel, chain: Chain) -> None:
    phrase = readings(lm, "saws a cut")[0].token_ids
    endless = replace(lm, eos_ids=frozenset())
    tree = ForkTree(PROBLEM)
    root = tree.add_root(chain, judge(lm, [chain])[0])
    assert root.token_ids == ()
    (made,) = fork(endless, chain, [Fork.of(5, phrase)])
    (branch,) = tree.add_branches(root.id, 5, [(made, judge(lm, [made])[0])])
    assert branch.token_ids == phrase
    # A token forced right after the phrase is a branch of its own.
    after = 5 + len(phrase)
    other = int(made.statistics.top_ids[after, 1])
    (later,) = fork(endless, made, [Fork(after, other)])
    (child,) = tree.add_branches(branch.id, after, [(later, judge(lm, [later])[0])])
    assert child.token_ids == (other,)
    again = ForkTree.from_json(json.loads(tree.dumps()))
    assert [each.token_ids for each in again.branches] == [(), phrase, (other,)]


def test_a_phrase_that_is_longer_than_the_chain_may_become_is_refused(
    lm: LanguageModel, chain: Chain
) -> None:
    with pytest.raises(PositionError, match="room for 19 at position 5"):
        fork(lm, chain, [Fork.of(5, [7] * 20)])


def test_an_unknown_id_inside_a_phrase_is_refused(lm: LanguageModel, chain: Chain) -> None:
    with pytest.raises(PositionError, match="not in the model's vocabulary"):
        fork(lm, chain, [Fork.of(5, [7, lm.vocab_size])])
