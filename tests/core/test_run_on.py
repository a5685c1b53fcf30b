"""A chain that runs on after its answer: where it ends, what counts, and what is left out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from models import tiny_language_model

from core.chain_json import chain_from_json, chain_to_json
from core.chains.assembly import GrowingChain, scored_chain
from core.chains.fix_search import search_fix
from core.chains.forks import fork_positions
from core.chains.generation import Fork, fork, generate
from core.chains.judging import judge
from core.chains.run_on import answer_ends, find_run_on
from core.models.language_model import LanguageModel
from core.records import Chain, Problem, Sampler, StopReason, Verdict
from core.tokens.prompts import default_stop, encode_prompt, introduction

FEW_SHOT = "Question: 1+1?\nAnswer: \\boxed{2}\n\nQuestion: {problem}\nAnswer:"


@pytest.mark.parametrize(
    ("before", "label"),
    [
        ("Solve it.\n\nProblem: ", "\nProblem:"),
        ("Question: 1+1?\nAnswer: 2\n\nQuestion: ", "\nQuestion:"),
        ("Q: ", "\nQ:"),
        ("", None),
        ("Solve the problem.\n", None),
        ("Read all of the following with care and then answer this: ", None),  # no label
    ],
)
def test_what_introduces_a_question_would_introduce_the_next(before: str, label: str) -> None:
    assert introduction(before) == label


@pytest.mark.parametrize(
    ("style", "template", "stop"),
    [
        ("qwen_boxed", None, ("\nProblem:",)),
        ("llama_abel", None, ("\nQuestion:",)),
        ("chat_template", None, ()),
        ("plain", None, ()),
        ("plain", FEW_SHOT, ("\nQuestion:",)),
    ],
)
def test_every_prompt_style_brings_its_stop_strings(
    style: str, template: str | None, stop: tuple[str, ...]
) -> None:
    assert default_stop(style, template) == stop


@pytest.fixture(scope="module")
def lm() -> LanguageModel:
    return tiny_language_model()


PROBLEM = Problem("p", "what is 3 + 4?", "7")


def written(lm: LanguageModel, completion: str, style: str = "llama_abel") -> Chain:
    """A chain of this text, as if the model had written it."""
    return scored_chain(
        lm,
        PROBLEM,
        encode_prompt(lm.tokenizer, PROBLEM.question, style),
        lm.text.tokenise(completion),
        forced=(),
        sampler=Sampler(),
        stop_reason=StopReason.LENGTH,
        prompt_style=style,
    )


RUNS_ON = " it is \\boxed{7}.\n\nQuestion: what is 1 + 2?\nAnswer: \\boxed{3}"


def test_the_answer_is_the_one_before_the_run_on(lm: LanguageModel) -> None:
    chain = written(lm, RUNS_ON)
    assert chain.run_on is not None
    assert "".join(chain.tokens[: chain.answer_length]).strip() == "it is \\boxed{7}."
    (outcome,) = judge(lm, [chain])
    assert (outcome.answer, outcome.verdict) == ("7", Verdict.CORRECT)


def test_a_chain_that_ends_does_not_run_on(lm: LanguageModel) -> None:
    chain = written(lm, " it is \\boxed{7}.")
    assert chain.run_on is None
    assert chain.answer_length == len(chain)


def test_only_the_label_of_its_own_prompt_is_a_next_problem(lm: LanguageModel) -> None:
    text = " it is \\boxed{7}.\nProblem: none"
    assert written(lm, text, "llama_abel").run_on is None
    assert written(lm, text, "qwen_boxed").run_on is not None


def test_forks_and_the_search_for_a_fix_leave_the_run_on_out(lm: LanguageModel) -> None:
    chain = written(lm, RUNS_ON)
    assert max(fork_positions(chain, 0.0)) < chain.answer_length
    assert max(fork_positions(replace(chain, run_on=None), 0.0)) >= chain.answer_length
    (outcome,) = judge(lm, [chain])
    found = search_fix(lm, chain, outcome, positions=4)
    assert found is not None
    tried = {each.attempt.position for each in (*found.attempts, *found.control)}
    assert tried
    assert max(tried) < chain.answer_length


def test_a_run_on_is_kept_in_the_chain_file(lm: LanguageModel) -> None:
    chain = replace(written(lm, RUNS_ON), sampler=Sampler(stop=("\nQuestion:", "é")))
    assert chain_from_json(chain_to_json(chain))[0] == chain
    old = chain_to_json(chain)
    del old["run_on"], old["sampler"]["stop"]
    read, _ = chain_from_json(old)
    assert (read.run_on, read.sampler.stop) == (None, ())


def test_ends_of_an_answer_are_stop_strings_and_the_next_problem(lm: LanguageModel) -> None:
    prompt = encode_prompt(lm.tokenizer, PROBLEM.question, "llama_abel")
    ends = answer_ends(lm, prompt, PROBLEM.question, "llama_abel", ("###",))
    assert ends == ("###", "\nQuestion:")
    assert answer_ends(lm, prompt, PROBLEM.question, "chat_template", ("###",)) == ("###",)
    assert answer_ends(lm, [0, *prompt], PROBLEM.question, "llama_abel") == ("\nQuestion:",)
    alone = [0, *encode_prompt(lm.tokenizer, PROBLEM.question, "plain")]
    assert answer_ends(lm, alone, PROBLEM.question, "plain") == (), (
        "a special token does not introduce a problem"
    )
    ids = lm.text.tokenise("7\n\n### 8")
    run_on = find_run_on(lm, prompt, ids, ends)
    assert run_on is not None
    assert lm.text.decode(ids[:run_on]).strip() == "7"


def long_chain(lm: LanguageModel, seed: int) -> Chain:
    sampler = Sampler(temperature=1.0, max_new_tokens=60)
    (chain,) = generate(lm, [PROBLEM], sampler, [seed], prompt_style="llama_abel")
    return chain


@pytest.mark.parametrize("seed", range(8))
def test_a_chain_ends_at_the_token_that_completes_a_stop_string(
    lm: LanguageModel, seed: int
) -> None:
    whole = long_chain(lm, seed)
    text = lm.text.decode(whole.token_ids)
    stop = next(sign for sign in text[len(text) // 2 :] if sign != "\ufffd")
    end = next(n for n in range(len(whole)) if stop in lm.text.decode(whole.token_ids[: n + 1]))
    sampler = replace(whole.sampler, stop=(stop,))
    streamed: list[tuple[int, ...]] = []

    def watch(_: int, growing: GrowingChain) -> None:
        streamed.append(growing.snapshot().token_ids)

    (alone,) = generate(lm, [PROBLEM], sampler, [seed], prompt_style="llama_abel")
    (watched,) = generate(lm, [PROBLEM], sampler, [seed], prompt_style="llama_abel", watch=watch)
    batch = generate(
        lm, [PROBLEM] * 3, sampler, [seed + 1, seed, seed + 2], prompt_style="llama_abel"
    )
    assert alone.token_ids == whole.token_ids[: end + 1]
    assert alone.stop_reason is StopReason.STOP
    assert watched == alone
    assert streamed == [alone.token_ids[: n + 1] for n in range(len(alone))]
    assert batch[1].token_ids == alone.token_ids


def test_a_forced_token_may_complete_a_stop_string(lm: LanguageModel) -> None:
    chain = long_chain(lm, 3)
    (token,) = lm.text.tokenise("#")
    (branch,) = fork(
        lm, replace(chain, sampler=replace(chain.sampler, stop=("#",))), [Fork(5, token)]
    )
    assert branch.token_ids == (*chain.token_ids[:5], token)
    assert branch.stop_reason is StopReason.STOP
    assert branch.run_on in (None, 5)
