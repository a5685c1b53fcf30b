"""The completions of an OpenAI-compatible server, with token ids in and out: requests and answers.

vLLM and SGLang have in common: a prompt may be a list of ids, and `return_token_ids` gives the ids
of prompt and completion. Every setting of the sampler is sent, since a server takes what is left
out from the model's generation_config.json.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, Field, StrictInt, ValidationError

from core.errors import EngineError, SamplerError
from core.records import Sampler
from core.system.terminal_text import printable

COMPLETIONS = "/v1/completions"

LEAST_TEMPERATURE, MOST_TEMPERATURE = 0.01, 2.0
"""vLLM's: it raises lower ones silently, and refuses higher ones."""

_SAID = 300  # characters of a server's own words in a message


class UnreadableAnswerError(Exception):
    """Half an answer, or none: asking again may help."""


@dataclass(frozen=True)
class Answer:
    """What a server says to a prompt."""

    token_ids: tuple[int, ...]  # (N,) new ones
    prompt_ids: tuple[int, ...] | None  # as the server read the prompt; None where it is silent
    top_logprobs: tuple[float, ...]  # nats, at the first new token, most probable first
    finish_reason: str


def check_sampler(sampler: Sampler) -> None:
    """Refuse a sampler that a server doesn't have, or that means something else there.

    Raises:
        SamplerError: a temperature of its own at forks, or one out of the servers' range.
    """
    if sampler.forks is not None:
        raise SamplerError(
            "A served engine has one temperature for all tokens.",
            "Leave the temperature at forks out, or the engine.",
        )
    temperature = sampler.temperature
    if temperature and not LEAST_TEMPERATURE <= temperature <= MOST_TEMPERATURE:
        raise SamplerError(
            f"A served engine can't draw at the temperature {temperature:g}.",
            f"Set it to 0, or from {LEAST_TEMPERATURE:g} to {MOST_TEMPERATURE:g}.",
        )


def completion_request(
    model: str,
    prompt: str | Sequence[int],
    sampler: Sampler,
    *,
    seed: int = 0,
    max_tokens: int,
    end_ids: Collection[int] = (),
    top: int | None = None,
) -> dict[str, Any]:
    """The fields of a request.

    Args:
        model: the server's name of it.
        prompt: ids, or a text that the server tokenises without adding special tokens.
        sampler: how tokens are drawn; its number of new tokens isn't used.
        seed: of the request.
        max_tokens: most new tokens.
        end_ids: tokens that end a completion.
        top: how many of the most probable tokens to give with their log-probabilities.
    """
    return {
        "model": model,
        "prompt": prompt if isinstance(prompt, str) else list(prompt),
        "add_special_tokens": False,
        "max_tokens": max_tokens,
        "temperature": sampler.temperature,
        "top_p": sampler.top_p,
        "top_k": sampler.top_k or -1,
        "min_p": sampler.min_p,
        "repetition_penalty": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "seed": seed,
        "stop": list(sampler.stop),
        "stop_token_ids": sorted(end_ids),
        # Stop strings are searched in the text with special tokens, as ours are.
        "skip_special_tokens": False,
        "spaces_between_special_tokens": False,
        "return_token_ids": True,
        "logprobs": top,
        "stream": False,
    }


class _Logprobs(BaseModel):
    top_logprobs: list[dict[str, float | None] | None] | None = None


class _Choice(BaseModel):
    token_ids: list[StrictInt] | None = None
    prompt_token_ids: list[StrictInt] | None = None
    finish_reason: str | None = None
    logprobs: _Logprobs | None = None


class _Completion(BaseModel):
    choices: Annotated[list[_Choice], Field(min_length=1)]


def read_answer(body: bytes, vocab_size: int) -> Answer:
    """The answer in a response.

    Args:
        body: of a response with status 200.
        vocab_size: ids from 0 to this.

    Raises:
        UnreadableAnswerError: it is not whole.
        EngineError: no token ids, or ids that the model doesn't have.
    """
    try:
        choice = _Completion.model_validate_json(body).choices[0]
    except ValidationError as error:
        raise UnreadableAnswerError("its answer can't be read") from error
    if choice.finish_reason not in ("stop", "length"):  # aborted while the server shuts down
        raise UnreadableAnswerError("it broke its answer off")
    if choice.token_ids is None:
        raise EngineError(
            "The server returns no token ids, and token ids are the truth here.",
            "Serve the model with vLLM, or an SGLang that knows return_token_ids.",
        )
    strange = [i for i in choice.token_ids if not 0 <= i < vocab_size]
    if strange:
        raise EngineError(
            f"The server's token id {strange[0]} is not in the model's vocabulary.",
            "Serve the model that the run names.",
        )
    prompt_ids = choice.prompt_token_ids
    return Answer(
        tuple(choice.token_ids),
        None if prompt_ids is None else tuple(prompt_ids),
        _top(choice.logprobs),
        choice.finish_reason,
    )


def _top(logprobs: _Logprobs | None) -> tuple[float, ...]:
    tops = None if logprobs is None else logprobs.top_logprobs
    first = (tops[0] if tops else None) or {}
    known = [each for each in first.values() if each is not None and not math.isnan(each)]
    return tuple(sorted((min(each, 0.0) for each in known), reverse=True))


class _Error(BaseModel):
    message: str | None = None


class _Refusal(BaseModel):
    error: _Error | str | None = None
    message: str | None = None
    detail: str | None = None


def said(body: bytes) -> str:
    """A server's own words about an error, in one line; "" where there are none."""
    try:
        found = _Refusal.model_validate_json(body)
    except ValidationError:
        return ""
    error = found.error
    text = error if isinstance(error, str) else (error and error.message)
    words = " ".join((text or found.message or found.detail or "").split())
    return printable(words[:_SAID])
