"""One record is one problem, whatever lists are in it; a list of problems is a list of problems."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.errors import ProblemError
from core.problems.reading import read_problem_file

CHAT = [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "#### 4"}]
CHOICES = [{"label": "A", "text": "4"}, {"label": "B", "text": "7"}]
Q1, Q2 = {"question": "1 + 1?", "answer": "2"}, {"question": "2 + 2?", "answer": "4"}


def questions(document: Any, name: str) -> list[tuple[str, str | None]]:
    found = read_problem_file(json.dumps(document).encode(), name)
    return [(problem.question, problem.answer) for problem in found.problems]


@pytest.mark.parametrize("name", ["p.jsonl", "p.json"])
@pytest.mark.parametrize(
    ("record", "question", "answer"),
    [
        ({"messages": CHAT}, "2 + 2?", "4"),
        ({"prompt": CHAT[:1], "answer": "4"}, "2 + 2?", "4"),
        ({"prompt": CHAT[:1], "completion": CHAT[1:]}, "2 + 2?", "4"),
        ({"question": "Which?", "choices": CHOICES, "answer": "B"}, "Which?\n\nA. 4\nB. 7", "B"),
        ({"question": "?", "answer": "4", "solutions": [{"text": "a"}, {"text": "b"}]}, "?", "4"),
        ({"problem": "?", "steps": [{"text": "First.", "label": 1}]}, "?", None),
        ({"question": "?", "answer": "4", "shots": [Q1, Q2]}, "?", "4"),
        ({"question": "?", "answer": "4", "examples": [Q1, Q2], "more": [Q1]}, "?", "4"),
        ({"text": "?", "label": "4", "spans": [{"from": 1, "to": 2}]}, "?", "4"),
        ({"reward_model": {"ground_truth": "4"}, "extra_info": {"question": "?"}}, "?", "4"),
        ({"question": {"stem": "?", "choices": CHOICES}, "answerKey": "A"},
         "?\n\nA. 4\nB. 7", "A"),
        ({"question": {"text": "?"}, "answer": {"value": "4"}}, "?", "4"),
    ],
)  # fmt: skip
def test_one_record_is_one_problem(
    record: dict[str, Any], question: str, answer: str | None, name: str
) -> None:
    assert questions(record, name) == [(question, answer)]
    assert questions([record, record], name) == [(question, answer)] * 2


@pytest.mark.parametrize("name", ["p.jsonl", "p.json"])
@pytest.mark.parametrize(
    "document",
    [
        {"data": [Q1, Q2]},
        {"version": "1.1", "data": [Q1, Q2]},
        {"name": "sums", "description": "Sums.", "source": "me", "problems": [Q1, Q2]},
        {"text": "A set of sums.", "data": [Q1, Q2]},
        {"prompt": "Answer the questions.", "questions": [Q1, Q2]},
        {"a": Q1, "b": Q2},
        {"meta": [{"licence": "MIT"}], "test": [Q1, Q2]},
    ],
)
def test_a_container_gives_its_problems(document: dict[str, Any], name: str) -> None:
    assert questions(document, name) == [("1 + 1?", "2"), ("2 + 2?", "4")]


def test_a_container_with_nothing_known_in_it_gives_its_records() -> None:
    with pytest.raises(ProblemError, match=r"looks like a question \(a, b\)"):
        questions({"items": [{"a": "?", "b": 1}]}, "p.json")


def test_a_passage_that_all_questions_share_stands_before_each() -> None:
    document = {"passage": "Ann has 2 pens.", "questions": [
        {"question": "How many has she?", "answer": 2},
        {"question": "How many are two more?", "answer": 4},
    ]}  # fmt: skip
    assert questions(document, "p.json") == [
        ("Ann has 2 pens. How many has she?", "2"),
        ("Ann has 2 pens. How many are two more?", "4"),
    ]


def test_two_sets_in_one_file_are_refused_by_name() -> None:
    with pytest.raises(ProblemError, match=r"several lists of records \(train, test\)"):
        questions({"train": [Q1], "test": [Q2]}, "p.json")
