"""A chain's tokens fall into sentences."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.tokens.sentences import sentence_starts


def sentences(tokens: list[str]) -> list[str]:
    """The text of each sentence."""
    starts = [*sentence_starts(tokens).tolist(), len(tokens)]
    return ["".join(tokens[a:b]) for a, b in pairwise(starts)]


def test_a_sentence_ends_at_its_full_stop_and_at_a_line_break() -> None:
    tokens = ["There", " are", " 9", ".", " Every", " one", "?", "\n\n", "So", " 72", ".", " The"]
    assert sentences(tokens) == ["There are 9.", " Every one?\n\n", "So 72.", " The"]


def test_decimals_and_list_numbers_end_nothing() -> None:
    tokens = ["1", ".", " Take", " 3", ".", "5", " of", " it", ".", "\n", "2", ".", " Stop", "."]
    assert sentences(tokens) == ["1. Take 3.5 of it.\n", "2. Stop."]


def test_a_token_over_the_end_belongs_to_where_its_text_begins() -> None:
    assert sentences(["It is 9", ".\n\n", "Then", ". So", " on"]) == [
        "It is 9.\n\n",
        "Then. So",
        " on",
    ]


def test_scripts_without_spaces_have_sentences() -> None:
    assert sentences(["答え", "は9", "。", "次", "は？", "はい"]) == ["答えは9。", "次は？", "はい"]


def test_a_chain_that_begins_with_blanks_begins_with_a_sentence() -> None:
    assert sentence_starts(["\n", " ", "So", "."]).tolist() == [0]
    assert sentence_starts(["\n", " "]).tolist() == [0]
    assert sentence_starts([]).tolist() == []


@given(st.lists(st.text(alphabet="a.?!\n 1。", max_size=4), max_size=40))
def test_sentences_are_a_partition(tokens: list[str]) -> None:
    starts = sentence_starts(tokens)
    assert starts.dtype == np.intp
    assert len(tokens) == 0 or starts[0] == 0
    assert (np.diff(starts) > 0).all()
    assert "".join(sentences(tokens)) == "".join(tokens)
