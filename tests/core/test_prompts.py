"""Prompt styles: the templates of the paper's appendix C, and exactly the ids a tokenizer makes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from core.errors import PromptError
from core.tokens.prompts import (
    PROMPT_STYLES,
    check_context,
    encode_prompt,
    guess_prompt_style,
    prompt_text,
)

SPECIAL = ["<s>", "</s>", "<|im_start|>", "<|im_end|>"]  # ids 0..3; then the 256 bytes
CHAT = (
    "{{ bos_token }}{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tokenizer(around: str = "$A", chat_template: str | None = None) -> PreTrainedTokenizerFast:
    """One token a byte; `around` says what it puts around a text ("<s> $A" begins with BOS)."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate([*SPECIAL, *alphabet])}
    backend = Tokenizer(models.BPE(vocabulary, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(SPECIAL)
    backend.post_processor = processors.TemplateProcessing(
        single=around, special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    made = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>",
        eos_token="</s>",
        additional_special_tokens=SPECIAL[2:],
    )
    made.chat_template = chat_template
    return made


PLAIN, WITH_BOS, WITH_BOTH = tokenizer(), tokenizer("<s> $A"), tokenizer("<s> $A </s>")
WITH_CHAT = tokenizer("<s> $A", CHAT)


@pytest.mark.parametrize(
    ("style", "text"),
    [
        (
            "qwen_boxed",
            "Solve the following math problem step by step. Put your final answer in \\boxed{}.\n"
            "\nProblem: 1 + 1?\n\nSolution:",
        ),
        (
            "chat_template",
            "Solve the following math problem step by step. Give a concise solution and put your "
            "final answer in \\boxed{}.\n\nProblem: 1 + 1?",
        ),
        ("llama_abel", "Question: 1 + 1?\nAnswer: Let's think step by step."),
        ("plain", "1 + 1?"),
    ],
)
def test_the_four_styles_are_the_papers(style: str, text: str) -> None:
    assert prompt_text("1 + 1?", style) == text
    assert PROMPT_STYLES[style].name == style


def test_braces_in_questions_and_templates_are_only_braces() -> None:
    question = "{x} {problem} {0} {{ \\{1\\} %s"
    assert prompt_text(question, "plain") == question
    assert prompt_text(question, "plain", "{} {{problem}} {a}") == f"{{}} {{{question}}} {{a}}"
    assert prompt_text(question, "llama_abel").startswith(f"Question: {question}\n")


@pytest.mark.parametrize(
    ("question", "style", "template", "reason"),
    [
        ("", "plain", None, "question is empty"),
        (" \n\t", "qwen_boxed", None, "question is empty"),
        ("1", "plain", "Solve it", "doesn't contain {problem}"),
        ("1", "plain", "{ problem }", "doesn't contain {problem}"),
        ("1", "plain", "", "doesn't contain {problem}"),
        ("1", "llama_abel", "{problem}", "has its own template"),
        ("1", "qwen", None, "no prompt style 'qwen'"),
        ("1 \ud800", "plain", None, "Character 3 of the prompt is a lone surrogate"),
    ],
)
def test_a_prompt_that_cannot_be_made_says_why(
    question: str, style: str, template: str | None, reason: str
) -> None:
    with pytest.raises(PromptError) as caught:
        encode_prompt(PLAIN, question, style, template)
    assert reason in caught.value.what
    assert caught.value.remedy


def byte_ids(text: str) -> list[int]:
    return PLAIN(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]


def test_bos_stands_where_the_tokenizer_puts_it_and_eos_never() -> None:
    text = byte_ids("1 + 1?")
    assert len(text) == 6
    assert encode_prompt(PLAIN, "1 + 1?", "plain") == text
    assert encode_prompt(WITH_BOS, "1 + 1?", "plain") == [0, *text]
    assert encode_prompt(WITH_BOTH, "1 + 1?", "plain") == [0, *text]
    assert encode_prompt(WITH_BOTH, "1 + 1?", "llama_abel") == [
        0,
        *byte_ids("Question: 1 + 1?\nAnswer: Let's think step by step."),
    ]


@pytest.mark.parametrize("style", ["plain", "qwen_boxed", "llama_abel"])
@pytest.mark.parametrize("token", SPECIAL)
def test_a_special_token_typed_in_a_question_stays_text(style: str, token: str) -> None:
    ids = encode_prompt(WITH_BOTH, f"what is {token}", style)
    assert ids[0] == 0
    assert min(ids[1:]) >= len(SPECIAL)
    assert token in WITH_BOTH.decode(ids[1:])
    assert WITH_BOTH(token, add_special_tokens=False)["input_ids"] == [SPECIAL.index(token)]


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])).filter(lambda text: bool(text.strip())))
def test_any_question_is_encoded_byte_for_byte(question: str) -> None:
    ids = encode_prompt(WITH_BOTH, question, "plain")
    assert ids[0] == 0
    assert len(ids) == 1 + len(question.encode())
    assert PLAIN.decode(ids[1:], clean_up_tokenization_spaces=False) == question


def test_the_chat_template_puts_one_bos_and_opens_the_answer() -> None:
    encode_prompt(WITH_CHAT, "1 + 1?", "plain")  # leaves nothing behind in the tokenizer
    ids = encode_prompt(WITH_CHAT, "1 + 1?", "chat_template")
    message = prompt_text("1 + 1?", "chat_template")
    assert ids == [
        0,
        2,
        *byte_ids(f"user\n{message}"),
        3,
        *byte_ids("\n"),
        2,
        *byte_ids("assistant\n"),
    ]


SYSTEM = "<|im_start|>system\nYou solve.<|im_end|>\n"
BODY = CHAT.removeprefix("{{ bos_token }}")


@pytest.mark.parametrize("around", ["$A", "<s> $A", "<s> $A </s>"], ids=["", "BOS", "BOS, EOS"])
@pytest.mark.parametrize(
    ("template", "begins", "ends"),
    [
        (CHAT, "<s><|im_start|>user", "<|im_start|>assistant\n"),
        (BODY, "<|im_start|>user", "<|im_start|>assistant\n"),  # no BOS of the template, none
        (f"{{{{ bos_token }}}}{SYSTEM}{BODY}", f"<s>{SYSTEM}<|im_start|>user", "assistant\n"),
        (
            "{% if messages[0].role != 'system' %}" + SYSTEM + "{% endif %}" + BODY,
            f"{SYSTEM}<|im_start|>user",
            "assistant\n",
        ),
        (BODY + "<think>", "<|im_start|>user", "assistant\n<think>"),
        ("[{{ messages[0].content }}]", "[Solve", "?]"),  # asked for no generation prompt, has none
    ],
)
def test_a_chat_prompt_is_what_the_template_writes_and_nothing_around_it(
    around: str, template: str, begins: str, ends: str
) -> None:
    made = tokenizer(around, template)
    text = made.decode(encode_prompt(made, "1 + 1?", "chat_template"))
    assert text.startswith(begins)
    assert text.endswith(ends)
    assert text.count("<s>") == ("<s>" in begins)
    assert text.count(prompt_text("1 + 1?", "chat_template")) == 1
    messages = [{"role": "user", "content": prompt_text("1 + 1?", "chat_template")}]
    written = made.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    assert text == written


@pytest.mark.parametrize("wrap", [list, lambda ids: [ids], lambda ids: {"input_ids": [ids]}])
def test_whatever_shape_a_tokenizer_returns_the_ids_are_a_list(wrap: Any) -> None:
    class Own:
        chat_template = "x"
        eos_token_id = 9

        def apply_chat_template(self, messages: Any, **options: Any) -> Any:
            return wrap([5, 6])

        def __call__(self, text: str, add_special_tokens: bool) -> Any:
            return {"input_ids": [5, 6, 9]}

    assert encode_prompt(Own(), "1", "chat_template") == [5, 6]
    assert encode_prompt(Own(), "1", "plain") == [5, 6]


def test_a_missing_or_broken_chat_template_is_a_prompt_error() -> None:
    with pytest.raises(PromptError, match="has no chat template"):
        encode_prompt(WITH_BOS, "1", "chat_template")
    broken_ones = (
        "{{ raise_exception('no user') }}",
        "{% if messages[0].role != 'system' %}{{ raise_exception('a system prompt!') }}{% endif %}",
        "{% if %}",
        "{{ 1 / 0 }}",
        "{{ nobody.name.length }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    )
    for broken in broken_ones:
        with pytest.raises(PromptError, match="chat template fails"):
            encode_prompt(tokenizer("$A", broken), "1", "chat_template")


def test_a_prompt_of_no_tokens_is_a_prompt_error() -> None:
    def silent(text: str, **options: Any) -> dict[str, list[int]]:
        return {"input_ids": []}

    with pytest.raises(PromptError, match="no token"):
        encode_prompt(silent, "1", "plain")


@pytest.mark.parametrize(
    ("model_type", "name", "chat", "style"),
    [
        ("qwen2", "Qwen/Qwen2.5-1.5B", True, "qwen_boxed"),
        ("qwen2", "Qwen/Qwen2.5-Math-7B", True, "qwen_boxed"),
        ("qwen2", "Qwen/Qwen2.5-1.5B-Instruct", True, "chat_template"),
        ("qwen2", "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", True, "chat_template"),
        ("qwen2", "hkust-nlp/Qwen-2.5-1.5B-SimpleRL-Zoo", True, "qwen_boxed"),
        ("qwen2", "/home/chat/models/Qwen2.5-7B/", True, "qwen_boxed"),
        ("qwen2", "/c/models--Qwen--Qwen2.5-7B-Instruct/snapshots/0a1b", True, "chat_template"),
        ("qwen2", "Qwen2.5-7B-Instruct", False, "qwen_boxed"),  # nothing to apply
        ("qwen3", "Qwen/Qwen3-8B", True, "chat_template"),
        ("qwen3", "Qwen/Qwen3-8B-Base", True, "qwen_boxed"),
        ("qwen3", "", False, "qwen_boxed"),
        ("llama", "meta-llama/Llama-3.1-8B-Instruct", True, "chat_template"),
        ("llama", "meta-llama/Llama-3.1-8B", False, "llama_abel"),
        ("mistral", "mistralai/Mistral-7B-v0.1", False, "llama_abel"),
        ("gpt2", "gpt2", False, "qwen_boxed"),
        (None, None, False, "qwen_boxed"),
    ],
)
def test_the_style_is_guessed_from_family_name_and_template(
    model_type: str | None, name: str | None, chat: bool, style: str
) -> None:
    config = SimpleNamespace(model_type=model_type, _name_or_path=name)
    guessed, why = guess_prompt_style(config, WITH_CHAT if chat else PLAIN)
    assert guessed == style
    assert why


def test_the_models_own_prompt_style_goes_first() -> None:
    config = SimpleNamespace(model_type="qwen2", prompt_style="plain")
    assert guess_prompt_style(config, WITH_CHAT)[0] == "plain"
    config.prompt_style = "no style of ours"
    assert guess_prompt_style(config, WITH_CHAT)[0] == "qwen_boxed"


def test_a_prompt_and_its_answer_must_fit_the_context() -> None:
    check_context(100, 412, 512)
    with pytest.raises(PromptError, match=r"100 tokens and 413 .* 512") as caught:
        check_context(100, 413, 512)
    assert "412" in caught.value.remedy
    check_context(511, 1, 512)
    with pytest.raises(PromptError, match=r"512 tokens.*no room"):
        check_context(512, 1, 512)
