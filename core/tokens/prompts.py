r"""Prompt styles: encode a question as the token ids that a model expects (paper appendix C).

A chain must be scored with exactly the prompt that sampled it, so questions are never trimmed or
re-encoded: the ids that `encode_prompt` returns are stored with the chain.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from core.errors import PromptError
from core.tokens.template_clock import asks_the_date, with_date

FEW_SHOT = "few_shot"
"""The prompt style with worked examples, for base models."""

_LONGEST_LABEL = 40  # characters; more is a sentence of instructions
PLACEHOLDER = "{problem}"
"""Replaced by the question in a template; other braces have no meaning."""


@dataclass(frozen=True)
class WorkedExample:
    """A question and its solution, as a few-shot prompt shows them before the question asked."""

    question: str
    solution: str  # the reasoning and the answer, in the form that chains should take


@dataclass(frozen=True)
class PromptStyle:
    """The text around a question. For a chat style it is the user message, which the tokenizer's
    chat template wraps."""

    name: str
    template: str
    families: str
    chat: bool = False


PROMPT_STYLES: dict[str, PromptStyle] = {
    style.name: style
    for style in (
        PromptStyle(
            "qwen_boxed",
            "Solve the following math problem step by step. Put your final answer in \\boxed{}.\n\n"
            "Problem: {problem}\n\nSolution:",
            "Qwen2.5, Qwen3 base",
        ),
        PromptStyle(
            "chat_template",
            "Solve the following math problem step by step. Give a concise solution and put your "
            "final answer in \\boxed{}.\n\nProblem: {problem}",
            "DeepSeek-R1-Distill, instruct models",
            chat=True,
        ),
        PromptStyle(
            "llama_abel",
            "Question: {problem}\nAnswer: Let's think step by step.",
            "Mistral-7B, Llama base",
        ),
        PromptStyle(FEW_SHOT, "Question: {problem}\nAnswer:", "base models, small ones"),
        PromptStyle("plain", "{problem}", "anything"),
    )
}


def prompt_text(
    question: str,
    style: str,
    template: str | None = None,
    examples: Sequence[WorkedExample] = (),
) -> str:
    """The prompt's text; for a chat style the last user message, without the chat template.

    Args:
        style: a name of `PROMPT_STYLES`.
        template: replaces that of the style "plain"; must contain {problem}.
        examples: stand before the question, each in the same template and with its solution.

    Raises:
        PromptError: an unknown style, an empty question, one that is among the examples, a template
            without {problem}, or text with lone surrogates.
    """
    chosen = _style(style)
    if not question.strip():
        raise PromptError("The question is empty.", "Type a question.")
    if template is not None:
        if style != "plain":
            raise PromptError(
                f"The prompt style {style} has its own template.",
                "Choose the style plain to use a template of yours, or leave it out.",
            )
        if PLACEHOLDER not in template:
            raise PromptError(
                f"The prompt template doesn't contain {PLACEHOLDER}.",
                f"Write {PLACEHOLDER} where the question belongs.",
            )
    if any(each.question.strip() == question.strip() for each in examples):
        raise PromptError(
            "The question is one of the prompt's own examples, with its solution.",
            "Leave that example out, or ask another question.",
        )
    around = chosen.template if template is None else template
    text = around.replace(PLACEHOLDER, question)
    if not chosen.chat:
        text = "\n\n".join([*(_solved(around, each) for each in examples), text])
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise PromptError(
            f"Character {error.start + 1} of the prompt is a lone surrogate.",
            "Delete that character and type it again.",
        ) from error
    return text


def _solved(template: str, example: WorkedExample) -> str:
    before = template.replace(PLACEHOLDER, example.question)
    space = "" if before[-1:].isspace() else " "
    return f"{before}{space}{example.solution.strip()}"


def _turns(style: str, examples: Sequence[WorkedExample], last: str) -> list[dict[str, str]]:
    """The messages of a chat: an example is a question of the user and the model's answer."""
    turns = []
    for each in examples:
        turns.append({"role": "user", "content": prompt_text(each.question, style)})
        turns.append({"role": "assistant", "content": each.solution.strip()})
    return [*turns, {"role": "user", "content": last}]


def encode_prompt(
    tokenizer: Any,
    question: str,
    style: str,
    template: str | None = None,
    prompt_date: date | None = None,
    examples: Sequence[WorkedExample] = (),
) -> list[int]:
    """Encode a prompt; whether it begins with BOS is the tokenizer's own rule.

    An end-of-sequence token appended by the tokenizer is removed, since the model continues the
    prompt. In text styles the name of a special token in the question ("<|im_end|>") stays text; in
    a chat template it becomes the token.

    Args:
        style: a name of `PROMPT_STYLES`.
        template: as for `prompt_text`.
        prompt_date: for chat templates that use the date; None: today.
        examples: worked examples before the question; for a chat style earlier turns.

    Raises:
        PromptError: as `prompt_text`, or the tokenizer has no usable chat template.
    """
    text = prompt_text(question, style, template, examples)
    ids = (
        chat_ids(tokenizer, _turns(style, examples, text), prompt_date)
        if _style(style).chat
        else _text_ids(tokenizer, text)
    )
    if not ids:
        raise PromptError("The tokenizer gives no tokens for this prompt.", "Change the question.")
    return ids


def introduction(before: str) -> str | None:
    """What introduces a question, as it would introduce the next one: a line break and the label on
    the question's line, such as "\\nQuestion:". None where the line has no label.

    Args:
        before: the prompt's text before the question.
    """
    label = before.rpartition("\n")[2].strip()
    return f"\n{label}" if 0 < len(label) <= _LONGEST_LABEL else None


def default_stop(style: str, template: str | None = None) -> tuple[str, ...]:
    """The stop strings of a prompt style: what introduces the next problem, where a base model runs
    on. Chat models end their turn by a token and need none.

    Args:
        template: the user's own, for the style "plain".

    Raises:
        PromptError: an unknown style.
    """
    chosen = _style(style)
    text = chosen.template if template is None else template
    label = None if chosen.chat else introduction(text.partition(PLACEHOLDER)[0])
    return () if label is None else (label,)


def _style(name: str) -> PromptStyle:
    if name not in PROMPT_STYLES:
        raise PromptError(
            f"The explorer has no prompt style {name!r}.", f"Use one of {', '.join(PROMPT_STYLES)}."
        )
    return PROMPT_STYLES[name]


def _text_ids(tokenizer: Any, text: str) -> list[int]:
    try:
        encoded = tokenizer(text, add_special_tokens=True, split_special_tokens=True)
    except TypeError:  # a custom tokenizer without this option
        encoded = tokenizer(text, add_special_tokens=True)
    ids = _ids(encoded)
    if ids and ids[-1] == tokenizer.eos_token_id:
        ids.pop()
    return ids


def chat_ids(tokenizer: Any, turns: list[dict[str, str]], day: date | None) -> list[int]:
    """The ids of a chat's turns in a tokenizer's template, up to where the model answers.

    Args:
        turns: messages with role and content.
        day: for templates that write the date; None: today.

    Raises:
        PromptError: no chat template, or one that fails on these turns.
    """
    if not getattr(tokenizer, "chat_template", None):
        raise PromptError(
            "This model's tokenizer has no chat template.",
            _another_style(),
        )
    try:
        clock: dict[str, Any] = {}
        if asks_the_date(tokenizer):
            clock = with_date(tokenizer.get_chat_template(), day or date.today())
        encoded = tokenizer.apply_chat_template(
            turns,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            **clock,
        )
    except Exception as error:  # the template is a program: anything can fail
        raise PromptError(
            f"This model's chat template fails ({type(error).__name__}: {error}).",
            _another_style(),
        ) from error
    return _ids(encoded)


def _another_style() -> str:
    *others, last = [name for name, style in PROMPT_STYLES.items() if not style.chat]
    return f"Choose another prompt style: {', '.join(others)} or {last}."


def _ids(encoded: Any) -> list[int]:
    """Token ids from a tokenizer's result: a list, a list of one list, or a mapping."""
    ids = encoded["input_ids"] if hasattr(encoded, "keys") else encoded
    if len(ids) and isinstance(ids[0], Sequence):
        ids = ids[0]
    return [int(token_id) for token_id in ids]


_CHAT_WORDS = frozenset({"instruct", "chat", "distill", "it", "r1", "qwq"})


def guess_prompt_style(model_config: Any, tokenizer: Any) -> tuple[str, str]:
    """The prompt style that a model most likely expects, and the reason. The first that applies:

    1. the config's own `prompt_style`, if it has one;
    2. a Qwen model: qwen_boxed for a base model, chat_template for an instruct model. Qwen's base
       tokenizers have a chat template too, so the name decides: a name with instruct, chat,
       distill, r1 or qwq is an instruct model, and so is a Qwen3 without "base";
    3. a tokenizer with a chat template: chat_template;
    4. Llama, Mistral: llama_abel;
    5. anything else: qwen_boxed.
    """
    own = getattr(model_config, "prompt_style", None)
    if isinstance(own, str) and own in PROMPT_STYLES:
        return own, "the model's config names this prompt style"
    family = str(getattr(model_config, "model_type", None) or "").lower()
    name = _model_name(model_config, tokenizer)
    words = set(re.split(r"[^a-z0-9]+", name.lower()))
    has_template = bool(getattr(tokenizer, "chat_template", None))
    if family.startswith("qwen"):
        tuned = bool(words & _CHAT_WORDS) or (family.startswith("qwen3") and "base" not in words)
        if tuned and has_template:
            return "chat_template", f"{name or family} is an instruct model by its name"
        return "qwen_boxed", f"{name or family} is a Qwen base model by its name"
    if has_template:
        return "chat_template", "the tokenizer has a chat template"
    if family.startswith(("llama", "mistral", "mixtral")):
        return "llama_abel", f"a {family} base model: its tokenizer has no chat template"
    return (
        "qwen_boxed",
        "the tokenizer has no chat template, and the family has no style of its own",
    )


def _model_name(model_config: Any, tokenizer: Any) -> str:
    """The last part of a hub id or folder; for a folder in the hub's cache, the model's name."""
    for source in (model_config, tokenizer):
        path = getattr(source, "_name_or_path", None) or getattr(source, "name_or_path", None)
        if isinstance(path, str) and path:
            parts = [part for part in re.split(r"[/\\]+", path) if part]
            cached = [part for part in parts if part.startswith("models--")]
            return (cached or parts or [""])[-1].rsplit("--", 1)[-1]
    return ""


def check_context(prompt_length: int, max_new_tokens: int, context_length: int) -> None:
    """Reject a chain that doesn't fit into the model's context; all lengths in tokens.

    Raises:
        PromptError: naming the lengths and the largest max_new_tokens that fits.
    """
    room = context_length - prompt_length
    if room < 1:
        raise PromptError(
            f"The prompt has {prompt_length} tokens, and the model's context of {context_length} "
            "leaves no room for an answer.",
            "Shorten the question, or use a model with a longer context.",
        )
    if max_new_tokens > room:
        raise PromptError(
            f"The prompt's {prompt_length} tokens and {max_new_tokens} new ones "
            f"don't fit the model's context of {context_length}.",
            f"Set max new tokens to {room} or less.",
        )
