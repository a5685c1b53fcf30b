"""The table of problems: what a row says, its filters, and that thousands of rows stay compact."""

from __future__ import annotations

import json

import numpy as np
import pytest

from core.records import Problem, StopReason, Verdict
from core.stored_chains import StoredChain, StoredProblem
from explorer.components.row_table import Answer
from explorer.components.row_table.event import view_of
from explorer.shared.problem_table import answers, outcome_filters, problem_table

RIGHT, WRONG, LOST = Verdict.CORRECT, Verdict.WRONG, Verdict.UNPARSEABLE


def chain(
    answer: str | None, verdict: Verdict, *, tokens: int = 3, cut: bool = False
) -> StoredChain:
    reason = StopReason.LENGTH if cut else StopReason.EOS
    return StoredChain(np.zeros(tokens, np.int32), answer, verdict, reason)


def stored(name: str, *chains: StoredChain) -> StoredProblem:
    return StoredProblem(name, np.zeros(2, np.int32), chains)


def test_four_answers_are_listed_and_of_more_equal_ones_are_counted() -> None:
    four = [chain("16", WRONG), chain("12", RIGHT), chain("16", WRONG), chain(None, LOST)]
    assert answers(four) == [
        Answer("wrong", "16", 1, 0),
        Answer("correct", "12", 1, 1),
        Answer("wrong", "16", 1, 2),
        Answer("other", "no answer", 1, 3),
    ]
    assert answers([*four, chain("12", RIGHT), chain("16", WRONG)]) == [
        Answer("wrong", "16", 3, 0),
        Answer("correct", "12", 2, 1),
        Answer("other", "no answer", 1, 3),
    ]


def test_every_problem_is_in_one_group_and_cut_chains_are_in_one_more() -> None:
    found = [
        stored("a", chain("1", RIGHT), chain("1", RIGHT)),
        stored("b", chain("1", RIGHT), chain("2", WRONG, cut=True)),
        stored("c", chain("3", WRONG), chain(None, LOST, cut=True)),
    ]
    assert outcome_filters(found) == {
        "always correct": ["a"],
        "sometimes": ["b"],
        "never": ["c"],
        "cut": ["b", "c"],
    }
    one = [stored("a", chain("1", RIGHT)), stored("b", chain("2", WRONG))]
    assert outcome_filters(one) == {"correct": ["a"], "wrong": ["b"], "cut": []}


def test_a_problem_that_is_missing_is_shown_by_its_id() -> None:
    table = problem_table("t", [stored("<i>x</i>", chain("1", RIGHT))], {}, filters={})
    assert table.message["rows"][0]["cells"][0] == "<i>x</i>"


def test_thousands_of_problems_with_sixteen_samples_are_one_compact_message() -> None:
    problems = {
        str(i): Problem(str(i), f"How many are {i} and {i}? " * 6, "4") for i in range(3000)
    }
    found = [
        stored(key, *(chain(str(i % 5), RIGHT if i % 5 == 4 else WRONG) for i in range(16)))
        for key in problems
    ]
    table = problem_table("t", found, problems, filters=outcome_filters(found))
    message = json.dumps(table.message)
    assert len(message) < 400 * 3000
    assert len(table.message["texts"]) == 5, "equal answers are sent once"
    assert table.message is table.message, "and the message is made once"


@pytest.mark.parametrize(
    "broken",
    [
        None,
        {},
        [],
        {"table": 3, "search": "", "facets": {}},
        {"table": "t", "search": "x" * 200_000, "facets": {}},
        {"table": "t", "search": "", "facets": {"a": 1}},
        {"table": "t", "search": "", "facets": [], "filter": 4},
    ],
)
def test_a_malformed_view_is_none(broken: object) -> None:
    assert view_of(broken) is None


def test_a_view_is_read_back() -> None:
    view = view_of(
        {"table": "t", "filter": None, "search": "s", "facets": {"a": "b"}, "sort": ["a", True]}
    )
    assert view is not None
    assert (view.search, view.facets, view.sort) == ("s", {"a": "b"}, ("a", True))
