"""What is shipped: a model that anybody's tools can load, and problems that do not overlap."""

from __future__ import annotations

import re

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from core.chains.generation import Fork, fork, generate
from core.chains.judging import judge
from core.models.language_model import LanguageModel, load_language_model
from core.models.spec import DEMO_FOLDER, ModelSpec
from core.problems.problem_sets import DEMO_PROBLEMS, read_problems
from core.records import Problem, Sampler, Verdict
from explorer.state import welcome_session

pytestmark = pytest.mark.skipif(
    not (DEMO_FOLDER / "config.json").is_file(), reason="the demo model is not built"
)
GREEDY = Sampler(max_new_tokens=200)


@pytest.fixture(scope="module")
def lm() -> LanguageModel:
    return load_language_model(ModelSpec())


@pytest.fixture(scope="module")
def test_problems() -> list[Problem]:
    return read_problems(DEMO_PROBLEMS)


def numbers(problem: Problem) -> tuple[str, tuple[str, ...]]:
    return problem.family, tuple(sorted(re.findall(r"\d+", problem.question)))


def test_the_folder_is_a_plain_hugging_face_model_of_at_most_10_mb(lm: LanguageModel) -> None:
    assert sum(f.stat().st_size for f in DEMO_FOLDER.iterdir()) <= 10 * 2**20
    assert AutoModelForCausalLM.from_pretrained(DEMO_FOLDER).config.vocab_size == lm.vocab_size
    tokenizer = AutoTokenizer.from_pretrained(DEMO_FOLDER)
    assert tokenizer.is_fast
    for text in ("12345", "any text: 你好 😀 <b>&amp;"):
        assert tokenizer.decode(tokenizer.encode(text)) == text
    assert len(tokenizer.encode("12345")) == 5, "digits are single tokens"
    assert lm.prompt_style == "llama_abel"


def test_train_and_test_problems_are_many_and_disjoint_by_numbers(
    test_problems: list[Problem],
) -> None:
    train = read_problems(DEMO_PROBLEMS.with_name("problems_train.jsonl"))
    assert min(len(train), len(test_problems)) >= 300
    assert len({problem.family for problem in test_problems}) >= 12
    assert not {numbers(p) for p in train} & {numbers(p) for p in test_problems}


def test_greedy_decoding_equals_transformers_on_fifty_problems(
    lm: LanguageModel, test_problems: list[Problem]
) -> None:
    chosen = test_problems[:: len(test_problems) // 50][:50]
    chains = generate(lm, chosen, GREEDY, [0] * 50)
    for start in range(0, 50, 10):
        batch = chains[start : start + 10]
        padded = lm.tokenizer.pad(
            {"input_ids": [list(chain.prompt_ids) for chain in batch]},
            padding_side="left",
            return_tensors="pt",
        )
        out = lm.model.generate(**padded, do_sample=False, max_new_tokens=200)
        for chain, ids in zip(batch, out[:, padded["input_ids"].shape[1] :].tolist(), strict=True):
            assert ids[: len(chain)] == list(chain.token_ids), chain.problem.id
            ended = ids[len(chain) - 1] in lm.eos_ids
            assert ended or len(chain) == GREEDY.max_new_tokens, chain.problem.id


def test_the_welcome_session_is_what_the_model_does_and_one_forced_token_mends_it(
    lm: LanguageModel,
) -> None:
    session = welcome_session()
    assert session is not None
    assert session.tree is not None
    (root,) = session.tree.branches
    (again,) = generate(lm, [root.chain.problem], root.chain.sampler, [root.chain.seed])
    assert again.token_ids == root.chain.token_ids
    assert root.outcome.verdict is Verdict.WRONG
    position = int(root.chain.entropy.argmax())
    top_ids = root.chain.statistics.top_ids[position]
    endings = judge(lm, fork(lm, root.chain, [Fork(position, int(i)) for i in top_ids]))
    assert Verdict.CORRECT in {ending.verdict for ending in endings}
