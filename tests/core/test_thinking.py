"""The thinking part of a chain is told from its answer, and no answer is looked for in it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from models import random_qwen3
from tokenizer_kinds import byte_level, sentencepiece, tiktoken
from transformers import PreTrainedTokenizerFast

from core.chain_json import chain_from_json, chain_to_json
from core.chains.assembly import scored_chain
from core.chains.generation import Fork, fork, generate
from core.chains.judging import judge, judge_completions
from core.models.language_model import LanguageModel, wrap
from core.models.spec import ModelSpec
from core.records import Chain, Outcome, Problem, Sampler, StopReason, Verdict
from core.tokens.prompts import encode_prompt
from core.tokens.thinking import sections, thinking_length
from core.tokens.token_text import TokenText

ASK = "{% for m in messages %}<|begin|>{{ m['role'] }}\n{{ m['content'] }}<|end|>\n{% endfor %}"
ANSWER = "{% if add_generation_prompt %}<|begin|>assistant\n"
CHAT = ASK + ANSWER + "{% endif %}"  # the model opens its thinking itself, as Qwen3 does
OPENS = ASK + ANSWER + "<think>\n{% endif %}"  # as DeepSeek-R1's and QwQ's templates do
CLOSES = ASK + ANSWER + "<think>\n\n</think>\n\n{% endif %}"  # as Qwen3's without thinking


def thinker(template: str = CHAT, *, marks: bool = True) -> PreTrainedTokenizerFast:
    """A tokenizer of a thinking model; without `marks` it has no tokens for them."""
    tokenizer = byte_level()
    if marks:
        tokenizer.add_tokens(["<think>", "</think>"])
    tokenizer.chat_template = template
    return tokenizer


def ids_of(tokenizer: PreTrainedTokenizerFast, text: str) -> list[int]:
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False)
    return ids


def split(template: str, completion: str, *, marks: bool = True) -> tuple[str, str] | None:
    """The texts of both parts; None where nothing is thought."""
    tokenizer = thinker(template, marks=marks)
    prompt = encode_prompt(tokenizer, "1 + 1?", "chat_template")
    ids = ids_of(tokenizer, completion)
    length = thinking_length(TokenText(tokenizer), prompt, ids)
    if length is None:
        return None
    return tokenizer.decode(ids[:length]), tokenizer.decode(ids[length:])


@pytest.mark.parametrize("marks", [True, False], ids=["tokens", "text"])
@pytest.mark.parametrize(
    ("template", "completion", "parts"),
    [
        (CHAT, "<think>1, 2.</think>So \\boxed{2}.", ("<think>1, 2.</think>", "So \\boxed{2}.")),
        (CHAT, "\n<think>a</think>b", ("\n<think>a</think>", "b")),
        (CHAT, "<think>a", ("<think>a", "")),
        (CHAT, "<think>a</think>", ("<think>a</think>", "")),
        (CHAT, "<think>a</think>b</think>c", ("<think>a</think>", "b</think>c")),
        (CHAT, "So \\boxed{2}.", None),
        (CHAT, "So <think>", None),  # what is thought after an answer takes nothing back
        (CHAT, "", None),
        (OPENS, "1, 2.</think>So 2.", ("1, 2.</think>", "So 2.")),
        (OPENS, "1, 2.", ("1, 2.", "")),
        (OPENS, "", None),
        (CLOSES, "So 2.", None),
    ],
)
def test_the_thinking_part_ends_with_its_closing_mark(
    template: str, completion: str, parts: tuple[str, str] | None, marks: bool
) -> None:
    assert split(template, completion, marks=marks) == parts


def test_a_mark_that_is_a_token_is_not_what_others_spell() -> None:
    tokenizer = thinker(OPENS)
    prompt = encode_prompt(tokenizer, "1", "chat_template")
    spelled = ids_of(tokenizer, "a</thin") + ids_of(tokenizer, "k>b")
    assert tokenizer.decode(spelled) == "a</think>b"
    assert thinking_length(TokenText(tokenizer), prompt, spelled) == len(spelled)


def test_a_mark_in_the_question_opens_nothing() -> None:
    tokenizer = thinker()
    prompt = encode_prompt(tokenizer, "What is <think>?", "chat_template")
    assert tokenizer.convert_tokens_to_ids("<think>") in prompt
    assert thinking_length(TokenText(tokenizer), prompt, ids_of(tokenizer, "A tag.")) is None


def test_a_token_that_ends_the_mark_and_begins_the_answer_is_the_answers() -> None:
    tokenizer = byte_level()
    tokenizer.add_tokens([">\\boxed", ">\n\n"])
    show = TokenText(tokenizer)
    for after, kept in (("\\boxed{2}", ">\\boxed{2}"), ("\n\nTwo", "Two")):
        ids = ids_of(tokenizer, f"<think>a</think>{after}")
        length = thinking_length(show, (), ids)
        assert tokenizer.decode(ids[length:]) == kept


@pytest.mark.parametrize("make", [byte_level, tiktoken, sentencepiece])
@pytest.mark.parametrize("marks", [("[THINK]", "[/THINK]"), ("<think>", "</think>")])
def test_other_tokenizers_and_marks(make: type, marks: tuple[str, str]) -> None:
    tokenizer = make()
    text = f"{marks[0]}cut 你好{marks[1]} a cut"
    for added in (False, True):
        if added:
            tokenizer.add_tokens(list(marks))
        ids = ids_of(tokenizer, text)
        length = thinking_length(TokenText(tokenizer), (), ids)
        assert tokenizer.decode(ids[:length]).endswith(marks[1])
        assert tokenizer.decode(ids[length:]).strip() == "a cut"


# Chains, their statistics and their answers.


def language_model(template: str) -> LanguageModel:
    tokenizer = thinker(template)
    return wrap(ModelSpec("tiny"), random_qwen3(len(tokenizer)), tokenizer)


def chain_of(lm: LanguageModel, completion: str, gold: str | None = "2") -> Chain:
    """A chain that says this, scored by the model."""
    problem = Problem("p", "1 + 1?", gold)
    prompt = encode_prompt(lm.tokenizer, problem.question, "chat_template")
    return scored_chain(
        lm,
        problem,
        prompt,
        ids_of(lm.tokenizer, completion),
        forced=(),
        sampler=Sampler(),
        stop_reason=StopReason.LENGTH,
    )


def test_sections_have_statistics_of_their_own() -> None:
    lm = language_model(OPENS)
    chain = chain_of(lm, "one, two.</think>So \\boxed{2}.")
    tau = float(np.median(chain.entropy))
    thinking, answer = sections(chain, tau)
    end = chain.token_ids.index(lm.tokenizer.convert_tokens_to_ids("</think>")) + 1
    assert (thinking.start, thinking.end, answer.start, answer.end) == (0, end, end, len(chain))
    assert len(thinking) + len(answer) == len(chain)
    assert thinking.mean_entropy == pytest.approx(float(chain.entropy[:end].mean()))
    assert answer.mean_entropy == pytest.approx(float(chain.entropy[end:].mean()))
    assert thinking.forks == sum(h > tau for h in chain.entropy[:end])
    assert answer.forks == sum(h > tau for h in chain.entropy[end:])


def test_an_endless_thinking_leaves_an_empty_answer() -> None:
    thinking, answer = sections(chain_of(language_model(OPENS), "one, two"), 1.0)
    assert (len(answer), answer.mean_entropy, answer.forks) == (0, None, 0)
    assert len(thinking) > 0


def test_a_chain_without_thinking_has_no_sections() -> None:
    assert sections(chain_of(language_model(CHAT), "So \\boxed{2}."), 1.0) == ()


@pytest.mark.parametrize(
    ("template", "completion", "outcome"),
    [
        (CHAT, "<think>\\boxed{3}</think>\\boxed{2}", Outcome("2", Verdict.CORRECT, True)),
        (CHAT, "<think>\\boxed{2}</think>\\boxed{3}", Outcome("3", Verdict.WRONG, True)),
        (CHAT, "<think>\\boxed{2}</think>", Outcome(None, Verdict.UNPARSEABLE, False)),
        (CHAT, "<think>It is \\boxed{2}", Outcome(None, Verdict.UNPARSEABLE, False)),
        (OPENS, "It is \\boxed{2}", Outcome(None, Verdict.UNPARSEABLE, False)),
        (OPENS, "No.</think>The answer is 2.", Outcome("2", Verdict.CORRECT, False)),
        (CHAT, "It is \\boxed{2}", Outcome("2", Verdict.CORRECT, True)),
    ],
)
def test_the_answer_is_taken_from_what_follows_the_thinking(
    template: str, completion: str, outcome: Outcome
) -> None:
    lm = language_model(template)
    chain = chain_of(lm, completion)
    assert judge(lm, [chain]) == [outcome]
    found = judge_completions(lm, [chain.token_ids], ["2"], [chain.prompt_ids])
    assert found == [outcome]


@pytest.mark.parametrize(
    "completion", ["<think>\\boxed{2}</think>So \\boxed{2} it is", "It is \\boxed{2}.", "so 2"]
)
def test_an_answer_is_located_in_the_whole_chain(completion: str) -> None:
    lm = language_model(CHAT)
    chain = chain_of(lm, completion)
    (outcome,) = judge(lm, [chain])
    why = outcome.explanation
    assert why is not None
    assert why.span is not None
    assert why.tokens is not None
    at = chain.text.rindex("2")
    assert why.span == (at, at + 1)
    first, last = why.tokens
    assert "2" in "".join(chain.tokens[first : last + 1])
    assert first >= (chain.thinking or 0)
    assert len("".join(chain.tokens[:first])) <= at < len("".join(chain.tokens[: last + 1]))


def test_generated_chains_and_their_forks_know_their_thinking_part() -> None:
    lm = language_model(OPENS)
    close = lm.tokenizer.convert_tokens_to_ids("</think>")
    problem = Problem("p", "1 + 1?", "2")
    sampler = Sampler(max_new_tokens=12)
    (chain,) = generate(lm, [problem], sampler, [0], prompt_style="chat_template")
    assert close not in chain.token_ids, "the random model thinks to the end"
    assert chain.thinking == len(chain)
    (branch,) = fork(lm, chain, [Fork(2, close)])
    assert branch.thinking == 3
    assert reopened(branch).thinking == 3


def reopened(chain: Chain) -> Chain:
    return chain_from_json(chain_to_json(chain))[0]


def lengths_while_it_grows(lm: LanguageModel, chain: Chain) -> Sequence[int | None]:
    prompt, ids = chain.prompt_ids, chain.token_ids
    return [thinking_length(lm.text, prompt, ids[:n]) for n in range(1, len(ids) + 1)]


def test_a_growing_chain_thinks_until_the_mark_is_there() -> None:
    lm = language_model(OPENS)
    chain = chain_of(lm, "a b</think>c d e")
    end = chain.token_ids.index(lm.tokenizer.convert_tokens_to_ids("</think>")) + 1
    expected = [*range(1, end + 1), *[end] * (len(chain) - end)]
    assert lengths_while_it_grows(lm, chain) == expected
