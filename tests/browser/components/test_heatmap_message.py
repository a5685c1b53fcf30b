"""The heatmap's message to the browser and the events that come back; no browser needed."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from component_messages import unpacked
from harness_data import HOSTILE, STORY, view_of

from core.components.heatmap_view import tenths_of_percent
from core.components.packed import packed
from explorer.components import Force, HeatmapEvent, Selection
from explorer.components.token_heatmap import ColourScale, NewThreshold
from explorer.components.token_heatmap.event import parse_event


def test_displayed_probabilities_never_add_up_to_more_than_one() -> None:
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.full(5, 0.4), 5000)  # (T, k), rows add up to 1
    shown = tenths_of_percent(np.log(np.maximum(p, 1e-300)))
    assert shown.sum(1).max() <= 1000
    assert np.abs(shown - 1000 * p).max() < 1
    assert tenths_of_percent(np.log([[0.5, 0.5], [1.0, 1e-9]])).tolist() == [[500, 500], [1000, 0]]
    assert tenths_of_percent(np.array([[-np.inf, np.nan]])).tolist() == [[0, 0]]


def test_forks_are_decided_on_exact_entropies() -> None:
    view = view_of(STORY, "a")
    entropy = np.zeros(len(STORY))
    entropy[[3, 4]] = 1.4, 1.40001
    message = replace(view, entropy=entropy).message()
    assert unpacked(message["forks"]) == [4]
    assert unpacked(message["entropy"])[3:5] == [1400, 1400]


def test_forks_may_be_chosen_by_something_other_than_tau() -> None:
    gated = np.zeros(len(STORY), np.bool_)
    gated[[1, 5]] = True
    message = replace(view_of(STORY, "a"), gated=gated).message()
    assert unpacked(message["forks"]) == [1, 5]
    assert message["tau"] is None


def test_a_chain_of_which_only_entropies_are_known_has_a_message() -> None:
    size = len(STORY)
    message = replace(
        view_of(STORY, "a"),
        rank=np.zeros(size, np.int32),
        logprob=np.full(size, np.nan),
        top_ids=np.zeros((size, 0), np.int32),
        top_tokens=[()] * size,
        top_logprobs=np.zeros((size, 0)),
    ).message()
    assert json.loads(json.dumps(message)) == message
    assert (message["k"], message["strings"]) == (0, [])
    assert set(unpacked(message["chosen"])) == {-1}


def test_the_message_is_json_with_every_text_once() -> None:
    message = view_of(HOSTILE, "a").message()
    assert json.loads(json.dumps(message)) == message
    assert len(set(message["strings"])) == len(message["strings"])
    top = unpacked(message["top"])
    assert len(top) == len(unpacked(message["topP"])) == message["k"] * len(HOSTILE)
    chosen = [
        message["strings"][top[i * message["k"] + column]]
        for i, column in enumerate(unpacked(message["chosen"]))
    ]
    assert chosen == HOSTILE


def test_a_token_outside_the_alternatives_is_marked_as_such() -> None:
    view = view_of(STORY, "a")
    message = replace(view, token_ids=np.full(len(STORY), 10**6)).message()
    assert set(unpacked(message["chosen"])) == {-1}


def test_packed_numbers_are_little_endian_and_never_wrap_around() -> None:
    assert packed([1, 258], "u2") == ["u2", "AQACAQ=="]
    assert unpacked(packed([-1, 70_000, 5], "u2")) == [0, 65_535, 5]
    assert unpacked(packed(np.array([[-1, 2], [3, 4]]), "i2")) == [-1, 2, 3, 4]
    assert unpacked(packed([], "u4")) == []


def test_the_message_says_which_requests_the_page_answers() -> None:
    view = view_of(STORY, "a")
    assert view.message()["takes"] == ["force", "threshold", "command"]
    assert view.message(["force"])["takes"] == ["force"]
    assert replace(view, scale=ColourScale(0.5, 2.5, "of a test")).message()["scale"] == {
        "base": 0.5,
        "top": 2.5,
        "words": "of a test",
    }


def test_an_empty_chain_has_a_message() -> None:
    view = view_of(STORY, "a")
    names = ["tokens", "token_ids", "entropy", "logprob", "rank", "forced"]
    names += ["top_ids", "top_tokens", "top_logprobs"]
    cut = {name: getattr(view, name)[:0] for name in names}
    assert replace(view, **cut).message()["k"] == 5


def test_columns_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="rank"):
        replace(view_of(STORY, "a"), rank=np.ones(3, int))
    with pytest.raises(ValueError, match="marks"):
        replace(view_of(STORY, "a"), marks=["<b>"] * len(STORY))


def test_a_stale_or_malformed_event_counts_as_nothing() -> None:
    event = parse_event(
        {"selected": {"chain": "a", "i": 3, "at": 1}, "force": {"chain": "a", "i": 3, "rank": 2}}
    )
    assert event == HeatmapEvent(Selection("a", 3), Force("a", 3, 2))
    assert event.position("a", 4) == 3
    assert event.position("b", 4) is None
    assert event.position("a", 3) is None
    for wrong in (None, 7, "x", {"selected": 1}, {"selected": {"chain": "a", "i": -1}}):
        assert parse_event(wrong) == HeatmapEvent()
    for i, rank in ((True, 1), ("1", 1), (0, 0), (1.5, 1)):
        assert parse_event({"force": {"chain": "a", "i": i, "rank": rank}}) == HeatmapEvent()
    for tau in (True, "1", -0.1, float("nan"), float("inf")):
        assert parse_event({"threshold": {"chain": "a", "tau": tau}}) == HeatmapEvent()
    moved = parse_event({"threshold": {"chain": "a", "tau": 1.25, "at": 1}})
    assert moved == HeatmapEvent(threshold=NewThreshold("a", 1.25))
    assert parse_event({"command": {"name": "undo"}}).command == "undo"
    assert parse_event({"command": {"name": "delete"}}) == HeatmapEvent()
