"""Values of a row's fields: texts, messages, numbers, ids and columns of numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.imports.records import Messages
from core.problems.cells import is_proper_text
from core.problems.messages import is_chat, role_of
from core.records import StopReason

MAX_TEXT = 4_000_000
"""Maximum length of a prompt or an answer, characters: a million tokens."""

MAX_IDS = 1_000_000
"""Maximum number of token ids of a rollout."""

_LETTERS = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0}
"""Inspect's values of a score: correct, incorrect, partial, no answer."""

_WORDS = {
    "correct": 1.0,
    "wrong": 0.0,
    "unparseable": 0.0,
    "timed_out": 0.0,
    "no_gold": None,
    "true": 1.0,
    "false": 0.0,
}

_STOPS = {
    "length": StopReason.LENGTH,
    "max_tokens": StopReason.LENGTH,
    "model_length": StopReason.LENGTH,
    "truncated": StopReason.LENGTH,
    "eos": StopReason.EOS,
    "stop": StopReason.EOS,
    "end_turn": StopReason.EOS,
    "completed": StopReason.EOS,
    "cancelled": StopReason.CANCELLED,
    "aborted": StopReason.CANCELLED,
    "abort": StopReason.CANCELLED,
}


class FieldError(ValueError):
    """Why a field can't be read; the message follows the name of its role in a sentence."""


def text_of(value: Any) -> str:
    """A text, or a number as text.

    Raises:
        FieldError: neither, too long, or with lone surrogates.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise FieldError("is not a text")
    if len(value) > MAX_TEXT:
        raise FieldError(f"has {len(value):,} characters, and {MAX_TEXT:,} are allowed")
    if not is_proper_text(value):
        raise FieldError("has an invalid character (a lone surrogate)")
    return value


def prompt_of(value: Any) -> str | Messages | None:
    """A prompt: a text, or messages with role and content; None if empty. A text that is a JSON
    list of messages, as harnesses log them, is read as these.

    Raises:
        FieldError: as `text_of` and `message`.
    """
    if value is None:
        return None
    if isinstance(value, str) and value.startswith('[{"'):
        try:
            parsed = json.loads(value)
        except (ValueError, RecursionError):
            parsed = None
        value = parsed if is_chat(parsed) else value
    if is_chat(value):
        return [message(each) for each in value]
    return text_of(value)


def message(value: Any) -> dict[str, str]:
    """A chat message with role and content, whatever the form's own keys.

    Raises:
        FieldError: a part of it is not text, such as a picture, or it calls a tool.
    """
    role, content = role_of(value), value.get("content", value.get("value"))
    if value.get("tool_calls"):
        raise FieldError("calls a tool, which can't be shown as text")
    if isinstance(content, list):
        content = "\n".join(map(_part, content))
    return {"role": str(role), "content": "" if content is None else text_of(content)}


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, dict):
        if isinstance(part.get("text"), str):
            return str(part["text"])
        if part.get("type") == "reasoning" and isinstance(part.get("reasoning"), str):
            return f"<think>\n{part['reasoning']}\n</think>\n"
    kind = part.get("type") if isinstance(part, dict) else type(part).__name__
    raise FieldError(f"has a part that is not text ({kind})")


def answers_of(value: Any) -> list[str]:
    """The texts in an answer's field: one, or one for each rollout of a list. Of messages, those
    of the assistant, which must be one.

    Raises:
        FieldError: nothing that a model wrote, or as `text_of` and `message`.
    """
    if value is None:
        return []
    if is_chat(value):
        said = [message(each) for each in value]
        if any(each["role"] != "assistant" for each in said):
            raise FieldError("is a chat of several turns, and an answer is one")
        return ["".join(each["content"] for each in said)]
    if isinstance(value, list):
        if len(value) == 1 and isinstance(value[0], list) and not is_chat(value[0]):
            return answers_of(value[0])  # the repeats of a harness's one request
        if any(isinstance(each, list) and not is_chat(each) for each in value):
            raise FieldError("holds scores of several choices, and no text that a model wrote")
        found = [answers_of(each) for each in value]
        return [text for texts in found for text in texts]
    if isinstance(value, bool | float):
        raise FieldError("is not a text")
    return [text_of(value)]


def number_of(value: Any) -> float | None:
    """A reward: a number, true or false, or a grade in a word or letter; None if empty.

    Raises:
        FieldError: none of these, or not finite.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        if value in _LETTERS:
            return _LETTERS[value]
        if value.casefold() in _WORDS:
            return _WORDS[value.casefold()]
        try:
            value = float(value)
        except ValueError as error:
            raise FieldError(f"is {value[:40]!r}, not a number") from error
    if isinstance(value, dict):
        raise FieldError(f"is an object ({', '.join(map(str, list(value)[:5]))}); name one of them")
    if not isinstance(value, int | float):
        raise FieldError("is not a number")
    try:
        number = float(value)
    except OverflowError as error:
        raise FieldError("is too large") from error
    if not math.isfinite(number):
        raise FieldError(f"is {number}, not a number")
    return number


def ids_of(value: Any) -> NDArray[np.int32]:
    """Token ids, (n,).

    Raises:
        FieldError: not a list of whole numbers that can be ids, or too many.
    """
    _check_list(value)
    if not all(type(each) is int and 0 <= each < 2**31 for each in value):
        raise FieldError("has something that is not a token id")
    return np.array(value, np.int32)


def column_of(value: Any) -> NDArray[np.float32]:
    """Numbers of tokens, (n,); NaN where there is none.

    Raises:
        FieldError: not a list of numbers, or too many.
    """
    _check_list(value)
    if not all(each is None or isinstance(each, int | float) for each in value):
        raise FieldError("has something that is not a number")
    try:
        numbers = [math.nan if each is None else float(each) for each in value]
    except OverflowError as error:
        raise FieldError("has a number that is too large") from error
    return np.array(numbers, np.float32)


def stop_of(value: Any) -> StopReason | None:
    """How a rollout ended, by the words of the programs that write them; None if unknown."""
    if isinstance(value, bool):  # a field named truncated
        return StopReason.LENGTH if value else StopReason.EOS
    if isinstance(value, dict):  # SGLang's finish_reason
        value = value.get("type")
    return _STOPS.get(str(value).casefold())


def whole_number(value: Any, most: int) -> int:
    """A count from 0 to `most`.

    Raises:
        FieldError: anything else.
    """
    if type(value) is not int or not 0 <= value <= most:
        raise FieldError(f"is not a number of tokens from 0 to {most:,}")
    return value


def _check_list(value: Any) -> None:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise FieldError("is not a list")
    if len(value) == 1 and isinstance(value[0], list):
        (inner,) = value
        count = f" of {inner[0]:,} values" if inner and type(inner[0]) is int else ""
        raise FieldError(
            f"is a list{count} inside a list, or too long for Parquet: give it as JSON lines"
        )
    if len(value) > MAX_IDS:
        raise FieldError(f"has {len(value):,} values, and {MAX_IDS:,} are allowed")
