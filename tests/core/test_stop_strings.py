"""Stop strings end a completion at the token that completes them, whatever the tokenizer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_token_text import OwnTokenizer
from tokenizer_kinds import kinds
from transformers import PreTrainedTokenizerBase

from core.errors import SamplerError
from core.records import Sampler
from core.tokens.stop_strings import StopMatcher, run_on
from core.tokens.token_text import TokenText

KINDS = {**kinds(), "one's own": OwnTokenizer(kinds()["byte-level"])}
each_kind = pytest.mark.parametrize("kind", KINDS)
ALPHABET = "ab Q:\n\n.é你😀"


def encode(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False)
    return ids


def first_stop(text: TokenText, prompt: list[int], ids: list[int], stops: list[str]) -> int | None:
    """By decoding every beginning anew: the length of the first that holds a stop string."""
    for length in range(1, len(ids) + 1):
        if any(stop in text.after(prompt, ids[:length]) for stop in stops):
            return length
    return None


def matched(
    text: TokenText, prompt: list[int], ids: list[int], stops: list[str], kept: int = 0
) -> int | None:
    matcher = StopMatcher(text, stops, prompt, ids[:kept])
    for length, token_id in enumerate(ids[kept:], kept + 1):
        if matcher.push(token_id):
            return length
    return None


@each_kind
@settings(max_examples=60, deadline=None)
@given(
    text=st.text(ALPHABET, max_size=30),
    stops=st.lists(st.text(ALPHABET, min_size=1, max_size=4), min_size=1, max_size=3),
    data=st.data(),
)
def test_a_completion_ends_at_the_first_token_whose_text_completes_a_stop_string(
    kind: str, text: str, stops: list[str], data: st.DataObject
) -> None:
    tokenizer = KINDS[kind]
    show = TokenText(tokenizer)
    prompt, ids = encode(tokenizer, "ab"), encode(tokenizer, text)
    expected = first_stop(show, prompt, ids, stops)
    assert matched(show, prompt, ids, stops) == expected
    longest = len(ids) if expected is None else expected - 1
    kept = data.draw(st.integers(0, longest), label="kept tokens")
    assert matched(show, prompt, ids, stops, kept) == expected, "a fork stops where its chain does"


@each_kind
@pytest.mark.parametrize(
    ("text", "stop"),
    [
        ("a b\nQuestion: c", "\nQuestion:"),  # spread over tokens
        ("one.\n\ntwo", "\n"),  # inside a token, where the kind has one for two line breaks
        ("a 你好 b", "好"),  # the bytes of a character over tokens
        ("a 😀 b", "😀"),
        ("aé", "a"),  # before the first byte of a character, where a token has both
    ],
)
def test_split_joined_and_across_a_character(kind: str, text: str, stop: str) -> None:
    tokenizer = KINDS[kind]
    show = TokenText(tokenizer)
    prompt, ids = encode(tokenizer, "a"), encode(tokenizer, text)
    if stop not in show.after(prompt, ids):
        pytest.skip("the vocabulary of this kind can't write it")
    end = matched(show, prompt, ids, [stop])
    assert end is not None
    assert stop in show.after(prompt, ids[:end])
    assert stop not in show.after(prompt, ids[: end - 1])


def test_a_stop_string_that_the_kept_part_holds_is_passed_over() -> None:
    tokenizer = KINDS["byte-level"]
    show = TokenText(tokenizer)
    ids = encode(tokenizer, "a.a.a")
    kept = next(i for i in range(1, len(ids)) if "." in show.decode(ids[:i]))
    end = matched(show, [], ids, ["."], kept)
    assert end is not None
    assert show.decode(ids[:end]).count(".") == 2


def test_a_stop_string_does_not_begin_in_the_prompt() -> None:
    tokenizer = KINDS["byte-level"]
    prompt, ids = encode(tokenizer, "Question"), encode(tokenizer, ": a")
    assert matched(TokenText(tokenizer), prompt, ids, ["Question:"]) is None


@pytest.mark.parametrize(
    ("pieces", "position"),
    [
        (["It", " is", " 7", ".", "\n\n", "Question", ":", " A"], 4),
        (["It", " is", " 7", ".\n\n", "Question", ":"], 4),  # ends the answer: it is the answer's
        (["7", " \n", "\nQuestion:"], 2),
        (["\nQuestion: A"], 0),
        (["7.\nQuestion:"], None),  # nothing follows that is no part of the answer
        (["7", "."], None),
        (["7", "\nProblem:", "\nQuestion:"], 1),  # the first of several
    ],
)
def test_what_follows_the_answer_begins_where_the_stop_string_does(
    pieces: list[str], position: int | None
) -> None:
    assert run_on(pieces, ["\nQuestion:", "\nProblem:"]) == position


@pytest.mark.parametrize("stop", ["", "a" * 201, "\ud800"])
def test_a_stop_string_that_can_not_work_is_refused(stop: str) -> None:
    with pytest.raises(SamplerError, match="The sampler's stop is out of range"):
        Sampler(stop=(stop,))


def test_too_many_stop_strings_are_refused() -> None:
    with pytest.raises(SamplerError, match="stop"):
        Sampler(stop=tuple(map(str, range(17))))
