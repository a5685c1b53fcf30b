"""What is read from a server's answers: all of it or nothing, whatever the bytes are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from models import tiny_language_model
from served_model import ServedModel

from core.engines.protocol import (
    Answer,
    UnreadableAnswerError,
    completion_request,
    read_answer,
    said,
)
from core.errors import EngineError
from core.records import Sampler

RECORDED = Path(__file__).parents[1] / "data" / "vllm"
VOCABULARY = 49_152  # of SmolLM2
IDS = st.lists(st.integers(0, VOCABULARY - 1), max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def body_of(**choice: Any) -> bytes:
    return json.dumps({"choices": [{"finish_reason": "stop", **choice}]}).encode()


@given(IDS, st.none() | IDS, st.sampled_from(["stop", "length"]))
def test_ids_come_back_as_they_are(ids: list[int], prompt: list[int] | None, reason: str) -> None:
    body = body_of(token_ids=ids, prompt_token_ids=prompt, finish_reason=reason)
    echoed = None if prompt is None else tuple(prompt)
    assert read_answer(body, VOCABULARY) == Answer(tuple(ids), echoed, (), reason)


@given(st.binary(max_size=60) | JSON.map(lambda data: json.dumps(data).encode()))
def test_anything_else_is_no_answer(body: bytes) -> None:
    with pytest.raises(UnreadableAnswerError):
        read_answer(body, VOCABULARY)
    assert said(body).isprintable()


@given(IDS.filter(bool), JSON, st.integers(0, 4))
def test_an_id_is_a_whole_number_or_there_is_no_answer(
    ids: list[int], strange: Any, at: int
) -> None:
    mixed = [*ids[:at], strange, *ids[at:]]
    if type(strange) is int and 0 <= strange < VOCABULARY:
        assert read_answer(body_of(token_ids=mixed), VOCABULARY).token_ids == tuple(mixed)
        return
    with pytest.raises((UnreadableAnswerError, EngineError)):
        read_answer(body_of(token_ids=mixed), VOCABULARY)


@given(st.data())
def test_part_of_an_answer_is_no_answer(data: st.DataObject) -> None:
    whole = (RECORDED / "chain.json").read_bytes().rstrip()
    length = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(UnreadableAnswerError):
        read_answer(whole[:length], VOCABULARY)


@pytest.mark.parametrize("reason", [None, "abort", "error", "tool_calls"])
def test_an_answer_that_was_broken_off_is_asked_for_again(reason: str | None) -> None:
    with pytest.raises(UnreadableAnswerError, match="broke its answer off"):
        read_answer(body_of(token_ids=[1], finish_reason=reason), VOCABULARY)


def test_a_server_without_token_ids_is_refused() -> None:
    for body in (body_of(text="9"), body_of(text="9", token_ids=None)):
        with pytest.raises(EngineError, match="returns no token ids"):
            read_answer(body, VOCABULARY)


def test_the_words_of_a_refusal() -> None:
    assert said(b'{"error": {"message": "too\\n long", "code": 400}}') == "too long"
    assert said(b'{"object": "error", "message": "no such model"}') == "no such model"
    assert said(b'{"error": "Unauthorized"}') == "Unauthorized"
    assert said(b'{"detail": "Not Found"}') == "Not Found"
    assert said(b'{"detail": [{"loc": ["body"]}]}') == said(b"<html>") == said(b"") == ""
    assert said(b'{"message": "\\u001b[2J"}') == "\\x1b[2J"
    assert len(said(json.dumps({"message": "x" * 999}).encode())) == 300


@pytest.mark.parametrize(
    ("said_top", "read"),
    [
        ({"a": -2.0, "b": -1.0, "c": None}, (-1.0, -2.0)),
        ({"a": float("nan"), "b": -1.0}, (-1.0,)),  # would equal every probability
        ({"a": 1e4, "b": -1.0}, (0.0, -1.0)),  # whose exponential overflows
        ({"a": float("-inf")}, (float("-inf"),)),
        ({}, ()),
    ],
)
def test_log_probabilities_are_numbers_of_at_most_0(
    said_top: dict[str, Any], read: tuple[float, ...]
) -> None:
    body = body_of(token_ids=[1], logprobs={"top_logprobs": [said_top]})
    assert read_answer(body, VOCABULARY).top_logprobs == read


def test_what_the_real_server_answered_is_read() -> None:
    chain = read_answer((RECORDED / "chain.json").read_bytes(), VOCABULARY)
    asked = json.loads((RECORDED / "chain_request.json").read_text())
    assert chain.prompt_ids == tuple(asked["prompt"])
    assert chain.finish_reason == "stop"
    assert 0 < len(chain.token_ids) <= asked["max_tokens"]
    checked = read_answer((RECORDED / "check.json").read_bytes(), VOCABULARY)
    assert len(checked.token_ids) == 1
    assert len(checked.top_logprobs) == 5
    assert list(checked.top_logprobs) == sorted(checked.top_logprobs, reverse=True)
    assert "does not exist" in said((RECORDED / "no_such_model.json").read_bytes())
    assert "cannot be greater than max_model_len" in said((RECORDED / "too_long.json").read_bytes())


def test_the_server_of_the_tests_answers_in_the_same_form() -> None:
    """What it gives has the keys and the types of what the real one gave."""
    server = ServedModel(tiny_language_model(), "tiny", "tuned")
    server.stop()
    for name in ("chain", "check"):
        real = json.loads((RECORDED / f"{name}.json").read_text())
        asked = json.loads((RECORDED / f"{name}_request.json").read_text())
        ours = {**asked, "prompt": [1, 2, 3], "max_tokens": 2, "stop_token_ids": [0]}
        answer = server.completion(ours)
        for each in (answer, real):
            each["choices"][0].pop("stop_reason")  # a text, an id, or nothing
        assert form(answer) == form(real)
    real = json.loads((RECORDED / "models.json").read_text())
    assert form(server.models()["data"][0]) == form({**real["data"][0], "permission": []})
    again = completion_request("m", [5], Sampler(), seed=1, max_tokens=2, end_ids=[0])
    recorded = json.loads((RECORDED / "chain_request.json").read_text())
    assert set(again) == set(recorded), "what is sent today was sent when they were recorded"


def form(value: Any) -> Any:
    """Keys and types; a list has the form of its first element."""
    if isinstance(value, Mapping):
        tokens = value.get("top_logprobs")  # whose keys are texts of tokens
        named = {key: form(each) for key, each in value.items() if key != "top_logprobs"}
        return named if tokens is None else named | {"top_logprobs": form(list(tokens[0].values()))}
    if isinstance(value, list):
        return [form(value[0])] if value else []
    return "number" if isinstance(value, int | float) else type(value).__name__
