"""A served engine: its chains are ours, whatever happens on the way, and another one is refused."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from models import tiny_language_model
from served_model import Fault, ServedModel

from core.decoding.loop import Decoded, Row, decode
from core.decoding.scoring import score
from core.engines import client
from core.engines.engine import Engine, end_of
from core.engines.finding import checked_address, find_engine
from core.engines.model_check import TEXTS
from core.engines.served import Score, ServedEngine
from core.errors import EngineError, ExplorerError, SamplerError
from core.models.language_model import LanguageModel
from core.records import ForkTemperature, Sampler, StopReason

PROMPTS = ("What is 3 + 4?", "Ann saws a log", "The answer", "Each cut takes", "x = ", "So 8×8")
GREEDY = Sampler(max_new_tokens=12)


@pytest.fixture(scope="module")
def lm() -> LanguageModel:
    return tiny_language_model()


@pytest.fixture
def server() -> Iterator[ServedModel]:
    served = ServedModel(tiny_language_model(), "tiny", "tuned")
    yield served
    served.stop()


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_FIRST_WAIT", 0.02)
    monkeypatch.setattr(client, "_LONGEST_WAIT", 0.1)


def engine_of(lm: LanguageModel, server: ServedModel, **how: Any) -> Engine:
    return Engine(ServedEngine(url=server.url, model="tiny"), lm, **how)


def rows_of(lm: LanguageModel, prompts: Sequence[str] = PROMPTS) -> list[Row]:
    return [Row(tuple(lm.text.tokenise(each)), seed=i) for i, each in enumerate(prompts)]


def sampled(engine: Engine, rows: Sequence[Row], sampler: Sampler = GREEDY, **how: Any) -> Any:
    return engine.sample(rows, sampler, at_once=4, **how)


def asked_of(server: ServedModel) -> list[dict[str, Any]]:
    """The requests for chains: those that compare the models have texts."""
    return [each for each in server.requests if isinstance(each["prompt"], list)]


def ids_and_ends(chains: Sequence[Decoded] | None) -> list[tuple[tuple[int, ...], StopReason]]:
    assert chains is not None
    return [(each.token_ids, each.stop_reason) for each in chains]


def test_greedy_chains_are_ours_token_for_token(lm: LanguageModel, server: ServedModel) -> None:
    rows, seen = rows_of(lm), []
    chains = sampled(engine_of(lm, server), rows, on_row=lambda i, chain: seen.append((i, chain)))
    ours = decode(lm, rows, GREEDY, k=1)
    assert ids_and_ends(chains) == ids_and_ends(ours)
    assert sorted(i for i, _ in seen) == list(range(len(rows)))
    assert all(chains[i] is chain for i, chain in seen)
    assert server.most_at_once <= 4
    for row, chain, own in zip(rows, chains, ours, strict=True):
        again = score(lm, row.prompt_ids, chain.token_ids, 1)
        np.testing.assert_allclose(again.entropy, own.statistics.entropy, atol=1e-5)
        np.testing.assert_allclose(again.logprob, own.statistics.logprob, atol=1e-5)


def test_a_stop_string_and_an_end_token_end_a_chain_where_ours_ends(
    lm: LanguageModel, server: ServedModel
) -> None:
    rows = rows_of(lm)
    whole = decode(lm, rows, GREEDY, k=1)
    # Halves of two tokens in the middle of a chain, and a token of the last one.
    pieces = [lm.text.pieces(each.token_ids) for each in whole]
    stops = (next(stop for each in pieces for stop in borders(each[2:-1])),)
    ending = replace(lm, eos_ids=lm.eos_ids | {whole[-1].token_ids[4]})
    engine = engine_of(ending, server)
    chains = sampled(engine, rows, replace(GREEDY, stop=stops))
    assert ids_and_ends(chains) == ids_and_ends(
        decode(ending, rows, replace(GREEDY, stop=stops), k=1)
    )
    assert {each.stop_reason for each in chains} >= {StopReason.STOP, StopReason.EOS}
    assert sum(len(each.token_ids) for each in chains) < sum(len(each.token_ids) for each in whole)


def borders(pieces: Sequence[str]) -> list[str]:
    """The last character of each token with the first one of the next, if they are plain."""
    pairs = [a[-1:] + b[:1] for a, b in pairwise(pieces)]
    return [each for each in pairs if len(each) == 2 and each.isascii() and each.isprintable()]


def test_where_the_server_ends_a_chain_too_early_it_is_continued(
    lm: LanguageModel, server: ServedModel
) -> None:
    rows = rows_of(lm)
    ours = decode(lm, rows, GREEDY, k=1)
    server.lm.eos_ids = server.lm.eos_ids | {each.token_ids[2] for each in ours}  # type: ignore[misc]
    chains = sampled(engine_of(lm, server), rows)
    assert ids_and_ends(chains) == ids_and_ends(ours)
    assert len(asked_of(server)) > len(rows)

    def without_last(answer: dict[str, Any]) -> None:
        choice = answer["choices"][0]
        if choice["logprobs"] is not None:  # compares the models
            return
        choice["token_ids"] = choice["token_ids"][:-1] if choice["finish_reason"] == "stop" else []
        choice["finish_reason"] = "stop"

    server.change = without_last
    with pytest.raises(EngineError, match="ended a chain at once"):
        sampled(engine_of(lm, server), rows)


def test_a_request_says_everything_about_its_sampler_and_has_its_own_seed(
    lm: LanguageModel, server: ServedModel
) -> None:
    sampler = Sampler(0.7, 0.9, max_new_tokens=6)
    rows = [replace(row, seed=7 + i) for i, row in enumerate(rows_of(lm))]
    first = ids_and_ends(sampled(engine_of(lm, server), rows, sampler))
    assert ids_and_ends(sampled(engine_of(lm, server), rows[::-1], sampler)) == first[::-1]
    assert {each["seed"] for each in asked_of(server)} == set(range(7, 7 + len(rows)))
    for asked in asked_of(server):
        assert (asked["temperature"], asked["top_p"], asked["top_k"], asked["min_p"]) == (
            0.7,
            0.9,
            -1,
            0.0,
        )
        assert asked["repetition_penalty"] == 1.0
        assert asked["stop_token_ids"] == sorted(lm.eos_ids)
    with pytest.raises(SamplerError, match="one temperature for all tokens"):
        sampled(engine_of(lm, server), rows, Sampler(0.7, forks=ForkTemperature(1.2)))
    with pytest.raises(SamplerError, match=r"at the temperature 0\.005"):
        sampled(engine_of(lm, server), rows, Sampler(0.005))


BUSY = Fault(429, {"Retry-After": "0"}, b'{"error": {"message": "too many"}}')


@pytest.mark.parametrize(
    "faults",
    [
        [BUSY, Fault(500), Fault(502, {}, b"<html>"), Fault(503, {"Retry-After": "soon"})],
        [Fault(half=True)] * 3,
        [Fault(body=b""), Fault(body=b'{"choices": ['), Fault(body=b"[]"), Fault(body=b"\xff")],
    ],
    ids=["busy", "half", "nonsense"],
)
def test_what_may_pass_is_asked_again(
    lm: LanguageModel, server: ServedModel, faults: list[Fault]
) -> None:
    rows, waits = rows_of(lm), []
    server.faults.extend(faults)
    engine = engine_of(lm, server, on_wait=waits.append)
    assert ids_and_ends(sampled(engine, rows)) == ids_and_ends(decode(lm, rows, GREEDY, k=1))
    assert len(waits) == len(faults)
    if faults[0] is BUSY:
        assert "it answers with status 429: too many" in waits


def test_a_server_that_dies_and_comes_back_costs_nothing(
    lm: LanguageModel, server: ServedModel
) -> None:
    rows, waits = rows_of(lm), []
    server.dies_after = 2

    def on_wait(why: str) -> None:
        waits.append(why)
        if why == "nothing answers at its address" and waits.count(why) == 3:
            server.start()

    chains = sampled(engine_of(lm, server, on_wait=on_wait), rows)
    assert ids_and_ends(chains) == ids_and_ends(decode(lm, rows, GREEDY, k=1))
    assert "the connection broke" in waits
    checked = [each["prompt"] for each in server.requests if isinstance(each["prompt"], str)]
    assert set(checked) <= set(TEXTS)
    assert checked, "what comes back is checked to be the same model"


def test_another_model_on_the_same_port_is_refused(lm: LanguageModel, server: ServedModel) -> None:
    server.dies_after = 2

    def on_wait(why: str) -> None:
        if why == "nothing answers at its address" and server.lm is not other:
            server.lm = other
            server.start()

    other = tiny_language_model(seed=1)
    with pytest.raises(EngineError, match="not the one in hand"):
        sampled(engine_of(lm, server, on_wait=on_wait), rows_of(lm))


def test_another_model_between_two_calls_is_refused(lm: LanguageModel, server: ServedModel) -> None:
    engine = engine_of(lm, server)
    sampled(engine, rows_of(lm))
    server.lm = tiny_language_model(seed=1)
    asked = len(asked_of(server))
    with pytest.raises(EngineError, match="not the one in hand"):
        sampled(engine, rows_of(lm))
    assert len(asked_of(server)) == asked


def test_patience_ends_in_words(lm: LanguageModel, server: ServedModel) -> None:
    rows = rows_of(lm)[:1]
    server.faults.extend([Fault(500, {}, b'{"message": "out of \\u001b[31m memory"}')] * 99)
    with pytest.raises(EngineError, match="status 500: out of") as found:
        sampled(engine_of(lm, server, patience=0.2), rows)
    assert "\x1b" not in str(found.value)
    assert "--resume continues it" in found.value.remedy
    server.faults.clear()
    server.faults.append(Fault(429, {"Retry-After": "3600"}))
    begun = time.monotonic()
    with pytest.raises(EngineError, match="asked to wait 3600 s"):
        sampled(engine_of(lm, server, patience=60.0), rows)
    assert time.monotonic() - begun < 30
    server.faults.append(Fault(400, {}, b'{"error": {"message": "max_tokens is too large"}}'))
    with pytest.raises(EngineError, match=r"refuses a request \(status 400: max_tokens is too"):
        sampled(engine_of(lm, server), rows)
    server.stop()
    with pytest.raises(EngineError, match="nothing answers at its address"):
        sampled(engine_of(lm, server, patience=0.2), rows)
    server.start()


def test_a_server_that_asks_to_wait_0_seconds_is_not_asked_without_a_pause(
    lm: LanguageModel, server: ServedModel
) -> None:
    server.faults.extend([BUSY] * 1000)
    waits: list[str] = []
    with pytest.raises(EngineError, match="status 429"):
        engine_of(lm, server, patience=0.5, on_wait=waits.append).check()
    assert 1 < len(waits) < 20, "at least 0.01, 0.02, 0.04 and then 0.05 s apart"


def test_a_cancel_ends_the_waiting_at_once(lm: LanguageModel, server: ServedModel) -> None:
    server.faults.extend([Fault(503, {"Retry-After": "500"})] * 9)
    waits: list[str] = []
    engine = engine_of(lm, server, on_wait=waits.append)
    assert sampled(engine, rows_of(lm), cancel=lambda: bool(waits)) is None
    assert engine.check(lambda: True) is None


def test_a_server_says_when_to_come_back() -> None:
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(seconds=60))
    assert 55 < (client._retry_after({"Retry-After": in_a_minute}) or 0) <= 60
    assert client._retry_after({"Retry-After": "7"}) == 7
    for text in ("", "soon", "-3", "9" * 400, "Wed, 99 Oct 2099"):
        assert client._retry_after({"Retry-After": text}) is None


def test_the_server_s_model_is_compared_with_ours(lm: LanguageModel, server: ServedModel) -> None:
    check = engine_of(lm, server).check()
    assert check is not None
    assert check.version == "0.32.0"
    assert [each.text for each in check.texts] == list(TEXTS)
    assert len(TEXTS) == 20
    for each in check.texts:
        assert each.low - 1e-5 <= each.entropy <= each.high + 1e-5
    assert check.difference < 1e-6

    asked = server.change

    def without(name: str) -> Any:
        def change(answer: dict[str, Any]) -> None:
            answer["choices"][0][name] = None

        return change

    def other_ids(answer: dict[str, Any]) -> None:
        answer["choices"][0]["prompt_token_ids"] = [1, 2, 3]

    def beyond(answer: dict[str, Any]) -> None:
        answer["choices"][0]["token_ids"] = [320]

    for change, words in [
        (without("token_ids"), "returns no token ids"),
        (without("logprobs"), "gives no log-probabilities"),
        (other_ids, r"its tokens of 'Tom has 3 apples and buys 4 m….* are \[1, 2, 3\], not \["),
        (beyond, "token id 320 is not in the model's vocabulary"),
    ]:
        server.change = change
        with pytest.raises(EngineError, match=words):
            engine_of(lm, server).check()
    server.change = asked
    server.lm = tiny_language_model(seed=1)
    with pytest.raises(EngineError, match="is not the one in hand: after 'Tom has 3"):
        engine_of(lm, server).check()


def test_a_prompt_that_the_server_changes_is_refused(
    lm: LanguageModel, server: ServedModel
) -> None:
    def begins(answer: dict[str, Any]) -> None:
        choice = answer["choices"][0]
        if choice["logprobs"] is None:
            choice["prompt_token_ids"] = [0, *choice["prompt_token_ids"]]

    server.change = begins
    with pytest.raises(EngineError, match="read other prompt ids"):
        sampled(engine_of(lm, server), rows_of(lm))


def test_a_server_is_found_by_its_address(server: ServedModel) -> None:
    found = find_engine(f"{server.url}/v1/", score=Score.GATED)
    assert found == ServedEngine(
        url=server.url,
        model="tiny",
        server="vllm",
        version="0.32.0",
        context_length=server.context_length,
        score=Score.GATED,
    )
    assert found.words == "vllm 0.32.0, model tiny, scored: gated"
    assert find_engine(server.url, "tuned").model == "tuned"
    server.version = None
    assert find_engine(server.url).version is None
    with pytest.raises(EngineError, match=r"has no model 'other'. It serves tiny, tuned"):
        find_engine(server.url, "other")
    with pytest.raises(EngineError, match="has an adapter, and its name"):
        find_engine(server.url, adapter=True)
    server.key = "secret-1"
    with pytest.raises(EngineError, match=r"another key \(status 401\)") as refused:
        find_engine(server.url)
    assert client.KEY in refused.value.remedy


def test_the_key_is_sent_and_nowhere_said(
    lm: LanguageModel, server: ServedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.key = "secret-1"
    monkeypatch.setenv(client.KEY, "secret-1")
    assert "secret-1" not in find_engine(server.url).model_dump_json()
    assert len(sampled(engine_of(lm, server), rows_of(lm))) == len(PROMPTS)
    monkeypatch.setenv(client.KEY, "secret-2")
    with pytest.raises(EngineError) as refused:
        sampled(engine_of(lm, server), rows_of(lm))
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("key", ["sécret", "secret\nX-More: 1"])
def test_a_key_that_no_header_can_hold_is_refused_at_once_without_saying_it(
    server: ServedModel, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv(client.KEY, key)
    with pytest.raises(EngineError, match=f"The API key in {client.KEY}") as refused:
        find_engine(server.url)
    assert "cret" not in str(refused.value)


def test_no_engine_at_an_address(server: ServedModel) -> None:
    for bad in ("", "localhost:8000", "ftp://a", "http://", "http://[", "http://a:b", "http://\n"):
        with pytest.raises(EngineError, match="is not the address of a server"):
            checked_address(bad)
    for kept in (
        "http://me:pw@host",
        "me:pw@host",
        "http://me:pw@host:99999",
        "https://host/v1?key=pw",
        "http://host/#pw",
    ):
        with pytest.raises(EngineError, match="which the run would keep") as found:
            checked_address(kept)
        assert "pw" not in str(found.value)
    assert checked_address(" HTTPS://Host:80/a/v1/ ") == "https://host:80/a"
    assert checked_address("http://[::1]:8000") == "http://[::1]:8000"
    server.change = lambda answer: answer["choices"][0].pop("token_ids")
    with pytest.raises(EngineError, match="returns no token ids"):
        find_engine(server.url)
    with pytest.raises(EngineError, match="has no /v1/models"):
        find_engine(f"{server.url}/elsewhere")
    server.stop()
    with pytest.raises(EngineError, match="nothing answers at its address"):
        find_engine(server.url, patience=0.1)
    server.start()


def test_every_error_is_one_that_a_person_can_act_on() -> None:
    assert issubclass(EngineError, ExplorerError)


def test_the_end_of_a_completion_is_that_of_the_decode_loop(lm: LanguageModel) -> None:
    prompt = lm.text.tokenise("x")
    ids = lm.text.tokenise("ab stop cd")
    sampler = Sampler(stop=("stop",))
    length = next(n for n in range(len(ids) + 1) if "stop" in lm.text.decode(ids[:n]))
    assert end_of(lm, prompt, ids, sampler, 99) == (length, StopReason.STOP)
    assert end_of(lm, prompt, ids, sampler, 2) == (2, StopReason.LENGTH)
    assert end_of(lm, prompt, ids[: length - 1], sampler, 99) is None
    assert end_of(lm, prompt, [], Sampler(), 0) == (0, StopReason.LENGTH)
    (eos,) = lm.eos_ids
    assert end_of(lm, prompt, [ids[0], eos, *ids], sampler, 2) == (2, StopReason.EOS)
