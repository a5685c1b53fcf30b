"""Two chains aligned after their fork, by hand and for any sequences of ids."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from export_cases import chain_of
from hypothesis import given
from hypothesis import strategies as st

from core.chains.alignment import Segment, align, align_chains

IDS = st.lists(st.integers(0, 4), max_size=30)


def test_what_differs_and_what_is_said_again_by_hand() -> None:
    #            0  1  2  3  4  5  6  7
    a = [9, 8, 1, 2, 3, 4, 5, 7]
    b = [9, 8, 6, 2, 3, 5, 7, 7]
    found = align(a, b)
    assert found.segments == (
        Segment("shared", (0, 2), (0, 2)),
        Segment("differs", (2, 3), (2, 3)),
        Segment("same", (3, 5), (3, 5)),
        Segment("differs", (5, 6), (5, 5)),  # 4 is only in the first
        Segment("same", (6, 8), (5, 7)),
        Segment("differs", (8, 8), (7, 8)),  # the last 7 only in the second
    )
    assert found.same_after == 4
    assert found.differences == (found.segments[1], found.segments[3], found.segments[5])


def test_equal_chains_have_no_difference() -> None:
    assert align([1, 2], [1, 2]).segments == (Segment("shared", (0, 2), (0, 2)),)
    assert align([1, 2], [1, 2]).differences == ()
    assert align([], []).segments == ()


def test_chains_of_two_models_are_aligned_by_text_since_their_ids_mean_other_texts() -> None:
    a, b = chain_of(["so", " 1", " 2"]), chain_of(["so", " 3", " 2"])
    swapped = replace(b, token_ids=a.token_ids, model="another")  # the ids of a, the texts of b
    changed = (Segment("shared", (0, 1), (0, 1)), Segment("differs", (1, 2), (1, 2)),
               Segment("same", (2, 3), (2, 3)))  # fmt: skip
    assert align_chains(a, swapped).segments == changed
    assert align_chains(a, replace(swapped, model=a.model)).differences == ()
    assert align_chains(a, swapped) is align_chains(a, swapped), "not computed at every redraw"


def test_a_frequent_token_still_aligns_in_a_long_chain() -> None:
    a, b = [1] + [7, 8] * 300, [2] + [7, 8] * 300
    assert align(a, b).same_after == 600


@given(IDS, IDS)
def test_segments_rebuild_both_chains_and_same_ones_are_equal(a: list[int], b: list[int]) -> None:
    segments = align(a, b).segments
    for ids, side in ((a, "a"), (b, "b")):
        spans = [getattr(each, side) for each in segments]
        assert [x for start, stop in spans for x in ids[start:stop]] == ids
        assert all(x[1] == y[0] for x, y in pairwise(spans))
    for each in segments:
        same = a[slice(*each.a)] == b[slice(*each.b)]
        assert same == (each.kind != "differs")
    kinds = [each.kind for each in segments]
    assert "shared" not in kinds[1:]
    assert all(x != y for x, y in pairwise(kinds))
