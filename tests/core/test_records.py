"""Records: what is written is read back number for number; a damaged or newer file is refused."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from core.chain_json import chain_from_json, chain_to_json, problem_from_dict
from core.errors import SamplerError, SessionError
from core.records import (
    SCHEMA_VERSION,
    Chain,
    Outcome,
    Problem,
    Sampler,
    StopReason,
    TokenStatistics,
    Verdict,
    check_schema_version,
)


def chain_of(length: int = 3, k: int = 2, **changes: Any) -> Chain:
    values: dict[str, Any] = {
        "prompt_ids": (7, 8),
        "token_ids": tuple(range(length)),
        "tokens": tuple(f" t{i}" for i in range(length)),
        "top_tokens": tuple(tuple(f"a{j}" for j in range(k)) for _ in range(length)),
        "statistics": TokenStatistics(
            np.linspace(0, 1, length, dtype=np.float32),
            np.full(length, -0.1, np.float32),
            np.arange(1, length + 1, dtype=np.int32),
            np.arange(length * k, dtype=np.int32).reshape(length, k),
            np.full((length, k), -1 / 3, np.float32),
        ),
        "forced": tuple(i == 1 for i in range(length)),
        "stop_reason": StopReason.EOS,
        "model": "tiny",
        "seed": 5,
        "sampler": Sampler(0.6, 0.95, 10, 0.1, 64),
        "adapter": "runs/a",
        "prompt_style": "qwen_boxed",
        "problem": Problem("p1", "1 + 1?", "2", "made", "sums"),
        "versions": {"torch": "2.9"},
    }
    return Chain(**{**values, **changes})


def reread(chain: Chain, outcome: Outcome | None = None) -> tuple[Chain, Outcome | None]:
    return chain_from_json(json.loads(json.dumps(chain_to_json(chain, outcome))))


float32s = st.floats(width=32, allow_nan=False, allow_infinity=False)
logprobs = st.floats(width=32, allow_nan=False, allow_infinity=False, max_value=0)
temperatures = st.just(0.0) | st.floats(0.001, 2)
int32s = st.integers(-(2**31), 2**31 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@st.composite
def chains(draw: st.DrawFn) -> Chain:
    length, k = draw(st.integers(0, 6)), draw(st.integers(0, 6))

    def column(values: st.SearchStrategy[Any]) -> tuple[Any, ...]:
        return tuple(draw(st.lists(values, min_size=length, max_size=length)))

    return Chain(
        prompt_ids=tuple(draw(st.lists(st.integers(0, 2**31 - 1), max_size=4))),
        token_ids=column(st.integers(0, 2**31 - 1)),
        tokens=column(texts),
        top_tokens=column(st.lists(texts, min_size=k, max_size=k).map(tuple)),
        statistics=TokenStatistics(
            draw(hnp.arrays(np.float32, length, elements=float32s)),
            draw(hnp.arrays(np.float32, length, elements=logprobs)),
            draw(hnp.arrays(np.int32, length, elements=int32s)),
            draw(hnp.arrays(np.int32, (length, k), elements=int32s)),
            draw(hnp.arrays(np.float32, (length, k), elements=logprobs)),
        ),
        forced=column(st.booleans()),
        stop_reason=draw(st.sampled_from(StopReason)),
        model=draw(texts),
        seed=draw(st.integers(0, 2**64)),
        sampler=Sampler(
            draw(temperatures),
            draw(st.floats(0.1, 1)),
            3,
            draw(st.floats(0, 1)),
        ),
        adapter=draw(st.none() | texts),
        prompt_style=draw(texts),
        problem=Problem(draw(texts), draw(texts), draw(st.none() | texts), draw(texts)),
        versions=draw(st.dictionaries(texts, texts, max_size=2)),
        revision=draw(st.none() | st.sampled_from(["v1", "main"])),
        quantization=draw(st.sampled_from(["none", "4bit"])),
        thinking=draw(st.none() | st.integers(1, length)) if length else None,
    )


outcomes = st.none() | st.builds(
    Outcome,
    st.none() | texts,
    st.sampled_from(Verdict),
    st.booleans(),
    st.sampled_from([None, Verdict.CORRECT, Verdict.WRONG]),
)


@given(chains(), outcomes)
def test_any_chain_survives_the_round_trip_number_for_number(
    chain: Chain, outcome: Outcome | None
) -> None:
    again, its_outcome = reread(chain, outcome)
    assert again == chain
    assert its_outcome == outcome
    for name in ("entropy", "logprob", "rank", "top_ids", "top_logprobs"):
        before, after = getattr(chain.statistics, name), getattr(again.statistics, name)
        assert (after.dtype, after.shape) == (before.dtype, before.shape)
        assert after.tobytes() == before.tobytes()


def test_numbers_are_written_in_the_fewest_digits_of_float32() -> None:
    data = chain_to_json(chain_of())
    assert data["logprob"] == [-0.1, -0.1, -0.1]
    assert data["top_logprobs"][0] == [-0.33333334, -0.33333334]
    assert data["schema_version"] == SCHEMA_VERSION == 1


def test_an_outcome_is_there_or_not() -> None:
    outcome = Outcome("2", Verdict.CORRECT, True)
    assert reread(chain_of(), outcome)[1] == outcome
    assert reread(chain_of())[1] is None


def test_a_chain_without_tokens_keeps_its_number_of_alternatives() -> None:
    again, _ = reread(chain_of(0, 3))
    assert again.statistics.top_ids.shape == (0, 3)
    assert len(TokenStatistics.concatenate([again.statistics, chain_of(2, 3).statistics])) == 2


def test_chains_differ_where_one_number_differs() -> None:
    assert chain_of() == chain_of()
    other = deepcopy(chain_of())
    other.statistics.entropy[1] += 0.5
    assert chain_of() != other
    assert chain_of(3, 2) != chain_of(3, 3)


@pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, 99])
def test_a_file_of_a_newer_version_is_refused(version: int) -> None:
    data = {**chain_to_json(chain_of()), "schema_version": version}
    with pytest.raises(SessionError, match=f"has version {version}") as caught:
        chain_from_json(data)
    assert "Update" in caught.value.remedy


@pytest.mark.parametrize("version", [None, "1", 1.0, True, 0, -1, [1]])
def test_a_version_that_is_none_is_refused(version: Any) -> None:
    with pytest.raises(SessionError, match="not a session file"):
        check_schema_version({"schema_version": version}, "session")


@pytest.mark.parametrize("data", [None, [], "chain", 3, {}])
def test_what_is_no_chain_is_refused(data: Any) -> None:
    with pytest.raises(SessionError, match="not a chain file"):
        chain_from_json(data)


DAMAGES: list[tuple[str, Any]] = [
    ("token_ids", [1, 2]),
    ("token_ids", "123"),
    ("token_ids", [1, 2, 2.5]),
    ("prompt_ids", [1, "2"]),
    ("prompt_ids", None),
    ("tokens", ["a", "b"]),
    ("tokens", "abc"),
    ("tokens", ["a", "b", None]),
    ("top_tokens", [["a", "b"], ["a", "b"]]),
    ("top_tokens", [["a", "b"], ["a", "b"], ["a"]]),
    ("entropy_nats", [0.0, 0.1]),
    ("entropy_nats", [0.0, "high", 0.1]),
    ("entropy_nats", [0.0, None, 0.1]),
    ("logprob", [[0.0], [0.1], [0.2]]),
    ("rank", [1, 2, 2**40]),
    ("rank", [1, 2, 1.5]),
    ("rank", [1, 2, True]),
    ("top_ids", [[1, 2], [1, 2]]),
    ("top_ids", [[1, 2, 3], [1, 2, 3]]),
    ("top_ids", [[1, 2], [1, 2], [1]]),
    ("top_ids", []),
    ("top_logprobs", [[-1.0] * 3, [-1.0] * 3]),  # as many numbers, in another shape
    ("top_logprobs", [[-1.0] * 3, [-1.0], [-1.0, -1.0]]),
    ("forced", [True, False]),
    ("forced", ["false", "false", "false"]),
    ("stop_reason", "tired"),
    ("seed", "5"),
    ("model", None),
    ("adapter", 3),
    ("sampler", {"temperature": -1}),
    ("sampler", {"heat": 1}),
    ("sampler", {"temperature": "0.6"}),
    ("sampler", None),
    ("problem", {"id": "a"}),
    ("problem", {"id": 1, "question": "?"}),
    ("problem", {"id": "a", "question": None}),
    ("problem", None),
    ("verdict", "maybe"),
    ("boxed", None),
    ("overruled", "perhaps"),
    ("overruled", "timed_out"),
    ("overruled", True),
    ("thinking", 0),
    ("revision", 5),
    ("quantization", None),
    ("thinking", 4),
    ("thinking", "1"),
    ("thinking", True),
    ("answer", 3),
    ("versions", 3),
]


@pytest.mark.parametrize(("key", "damage"), DAMAGES)
def test_a_damaged_column_is_refused(key: str, damage: Any) -> None:
    data = {**chain_to_json(chain_of(), Outcome("2", Verdict.CORRECT, True)), key: damage}
    with pytest.raises(SessionError) as caught:
        chain_from_json(data)
    assert caught.value.remedy


SINCE_THE_FIRST_FILES = {
    "explanation",
    "overruled",
    "prompt_date",
    "quantization",
    "revision",
    "run_on",
    "thinking",
}
OPTIONAL = {"versions", "verdict", "boxed", "answer", *SINCE_THE_FIRST_FILES}
REQUIRED = sorted(set(chain_to_json(chain_of())) - OPTIONAL)


@pytest.mark.parametrize("key", sorted(set(REQUIRED) - {"alternatives"}))
def test_a_missing_column_is_refused(key: str) -> None:
    data = chain_to_json(chain_of())
    del data[key]
    with pytest.raises(SessionError):
        chain_from_json(data)


def test_a_file_from_before_these_fields_is_read() -> None:
    outcome = Outcome("2", Verdict.WRONG, True)
    data = chain_to_json(chain_of(), outcome)
    for key in SINCE_THE_FIRST_FILES:
        del data[key]
    assert chain_from_json(data) == (chain_of(), outcome)


def test_a_persons_verdict_stands_beside_the_checkers() -> None:
    checked = Outcome("2", Verdict.WRONG, True)
    by_person = checked.overrule(Verdict.CORRECT)
    assert (by_person.verdict, by_person.overruled) == (Verdict.WRONG, Verdict.CORRECT)
    assert by_person.overrule(None) == checked
    for verdict in (Verdict.UNPARSEABLE, Verdict.TIMED_OUT, Verdict.NO_GOLD):
        with pytest.raises(SessionError, match="verdict can't be"):
            checked.overrule(verdict)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@pytest.mark.filterwarnings("ignore:overflow encountered")
@given(st.sampled_from(sorted(chain_to_json(chain_of()))), json_values)
def test_any_damage_is_a_chain_or_a_session_error(key: str, value: Any) -> None:
    data = {**chain_to_json(chain_of(), Outcome("2", Verdict.WRONG, False)), key: value}
    try:
        chain, _ = chain_from_json(data)
    except SessionError:
        return
    assert len(chain.tokens) == len(chain.top_tokens) == len(chain) == 3
    assert chain.statistics.top_ids.shape == chain.statistics.top_logprobs.shape == (3, 2)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("temperature", -0.1),
        ("temperature", float("nan")),
        ("top_p", 0),
        ("top_p", 1.1),
        ("top_k", -1),
        ("min_p", 2),
        ("max_new_tokens", 0),
    ],
)
def test_a_sampler_setting_out_of_its_range_says_which(setting: str, value: float) -> None:
    with pytest.raises(SamplerError, match=setting.replace("_", "[- ]")):
        Sampler(**{setting: value})  # type: ignore[arg-type]


def test_temperature_zero_is_greedy() -> None:
    assert Sampler(temperature=0).greedy
    assert not Sampler(temperature=0.6).greedy


def test_statistics_are_sliced_and_joined_by_position() -> None:
    whole = chain_of(5, 3).statistics
    assert TokenStatistics.concatenate([whole[:2], whole[2:]]) == whole
    assert len(whole[1:4]) == 3
    assert TokenStatistics.empty(4).top_ids.shape == (0, 4)
    assert chain_of().text == " t0 t1 t2"


@pytest.mark.parametrize(
    ("key", "damage", "said"),
    [
        ("entropy_nats", [0.0, "high", 0.1], "entropy_nats.1: Input should be a valid number"),
        ("sampler", {"heat": 1}, "sampler.heat: Extra inputs are not permitted"),
        ("top_ids", [[1, 2], [1, 2], [1]], "a table is not 3 by 2"),
        ("model", "\ud800", "surrogates not allowed"),
    ],
)
def test_a_damage_is_named_with_its_place_in_one_line(key: str, damage: Any, said: str) -> None:
    with pytest.raises(SessionError) as caught:
        chain_from_json({**chain_to_json(chain_of()), key: damage})
    assert said in caught.value.what
    assert "\n" not in caught.value.what


def test_a_damaged_problem_is_a_type_error_that_names_its_place() -> None:
    with pytest.raises(TypeError, match=r"^question: Field required$"):
        problem_from_dict({"id": "a"})
    assert problem_from_dict({"id": "a", "question": "?"}) == Problem("a", "?")
