"""Choices: however a file writes them they are shown with letters, and the gold is a letter."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.errors import ProblemError
from core.problems.choices import Choice, shuffled
from core.problems.reading import read_problem_file
from core.problems.table import ColumnMapping, Gold, ProblemTable, RowRefusal


def read(rows: list[dict[str, Any]], mapping: ColumnMapping | None = None) -> ProblemTable:
    return read_problem_file("\n".join(map(json.dumps, rows)).encode(), "p.jsonl", mapping)


ASKED = "Which is prime?"
SHOWN = f"{ASKED}\n\nA. 4\nB. 7\nC. 9"

FORMS: list[tuple[dict[str, Any], Any, Gold]] = [
    ({"choices": ["4", "7", "9"]}, "B", Gold.CHOICE_LABEL),
    ({"choices": ["4", "7", "9"]}, "(b)", Gold.CHOICE_LABEL),
    ({"choices": [4, 7, 9]}, 7, Gold.CHOICE_TEXT),
    ({"options": ["A) 4", "B) 7", "C) 9"]}, "B", Gold.CHOICE_LABEL),
    ({"options": ["A)4", "B)7", "C)9"]}, "B) 7", Gold.CHOICE_TEXT),
    ({"options": ["(A) 4", "(B) 7", "(C) 9"]}, "7", Gold.CHOICE_TEXT),
    ({"options": "a ) 4 , b ) 7 , c ) 9"}, "b", Gold.CHOICE_LABEL),
    ({"options": "(A) 4\n(B) 7\n(C) 9"}, "7", Gold.CHOICE_TEXT),
    ({"options": ["1. 4", "2. 7", "3. 9"]}, "2", Gold.CHOICE_LABEL),
    ({"choices": [{"label": "A", "text": "4"}, {"label": "B", "text": "7"},
                  {"label": "C", "text": "9"}]}, "B", Gold.CHOICE_LABEL),
    ({"choices": {"label": ["1", "2", "3"], "text": ["4", "7", "9"]}}, "2", Gold.CHOICE_LABEL),
    ({"choices": {"text": ["4", "7", "9"], "label": ["A", "B", "C"]}}, "B", Gold.CHOICE_LABEL),
    ({"choices": {"text": ["4", "7", "9"]}}, "B", Gold.CHOICE_LABEL),
    ({"options": {"A": "4", "B": "7", "C": "9"}}, "B", Gold.CHOICE_LABEL),
    ({"options": {"A": "4", "B": "7", "C": "9"}}, "7", Gold.CHOICE_TEXT),
    ({"A": "4", "B": "7", "C": "9"}, "B", Gold.CHOICE_LABEL),
    ({"a": "4", "b": "7", "c": "9"}, "B", Gold.CHOICE_LABEL),
    ({"option1": "4", "option2": "7", "option3": "9"}, "2", Gold.CHOICE_LABEL),
    ({"option1": "4", "option2": "7", "option3": "9"}, "option2", Gold.CHOICE_LABEL),
    ({"option1": "4", "option2": "7", "option3": "9"}, "B", Gold.CHOICE_LABEL),
    ({"Option A": 4, "Option B": 7, "Option C": 9}, "B", Gold.CHOICE_LABEL),
    ({"opa": "4", "opb": "7", "opc": "9"}, "7", Gold.CHOICE_TEXT),
]  # fmt: skip


@pytest.mark.parametrize(("columns", "answer", "gold"), FORMS)
def test_every_form_gives_the_same_question_and_letter(
    columns: dict[str, Any], answer: Any, gold: Gold
) -> None:
    found = read([{"question": ASKED, **columns, "answer": answer}] * 2)
    assert [(p.question, p.answer) for p in found.problems] == [(SHOWN, "B")] * 2
    assert found.mapping.gold is gold
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("golds", "gold", "letters"),
    [
        ([0, 1, 2], Gold.CHOICE_FROM_0, "ABC"),
        ([1, 2, 3], Gold.CHOICE_FROM_1, "ABC"),
        ([2, 0], Gold.CHOICE_FROM_0, "CA"),
        ([3, 1], Gold.CHOICE_FROM_1, "CA"),
        (["0", "2"], Gold.CHOICE_FROM_0, "AC"),
        ([0.0, 2.0], Gold.CHOICE_FROM_0, "AC"),
    ],
)
def test_where_numbers_begin_is_seen_by_all_of_them(
    golds: list[Any], gold: Gold, letters: str
) -> None:
    rows = [
        {"question": f"{n}?", "choices": ["red", "green", "blue"], "answer": each}
        for n, each in enumerate(golds)
    ]
    found = read(rows)
    assert found.mapping.gold is gold
    assert [problem.answer for problem in found.problems] == list(letters)
    assert found.warnings == ()


def test_where_it_can_not_be_seen_that_is_said_and_can_be_set() -> None:
    rows = [{"question": "?", "choices": ["red", "green", "blue"], "answer": 1}]
    found = read(rows)
    assert found.problems[0].answer == "B"
    assert found.warnings == (
        "The correct answer is read as the number of a choice, from 0; read as the number of a "
        "choice, from 1 it fits equally well, but gives other letters.",
    )
    set_by_hand = ColumnMapping("question", "answer", choices="choices", gold=Gold.CHOICE_FROM_1)
    assert read(rows, set_by_hand).problems[0].answer == "A"


def test_rows_whose_choices_or_golds_are_wrong_are_named() -> None:
    good = {"question": "?", "choices": ["red", "green"], "answer": "A"}
    rows = [
        good,
        {**good, "answer": "C"},
        {**good, "choices": ["red"]},
        {**good, "choices": None},
        {**good, "choices": ["red", ["green"]]},
        {**good, "choices": "red, green"},
        {**good, "choices": [str(n) for n in range(11)]},
        {**good, "choices": {"text": ["red", "green"], "label": ["A"]}},
        {**good, "choices": [{"label": "A", "text": "red"}, {"label": "A", "text": "green"}]},
        {**good, "answer": ["A"]},
        {**good, "answer": None},
        good,
    ]
    found = read(rows)
    assert found.refused == [
        RowRefusal(2, "the answer names none of the choices ('C')"),
        RowRefusal(3, "the choices are 1, and 2 to 10 are allowed"),
        RowRefusal(4, "the choices are missing"),
        RowRefusal(5, "the choices have one that is neither text nor a number"),
        RowRefusal(6, "the choices are 1, and 2 to 10 are allowed"),
        RowRefusal(7, "the choices are 11, and 2 to 10 are allowed"),
        RowRefusal(8, "the choices are 2 with 1 labels"),
        RowRefusal(9, "the answer names several of the choices ('A')"),
        RowRefusal(10, "the answer is neither text nor a number"),
    ]
    assert [problem.answer for problem in found.problems] == ["A", None, "A"]


def test_an_empty_choice_is_left_out_and_the_gold_keeps_its_choice() -> None:
    row = {"question": "?", "A": "red", "B": "", "C": "green", "D": None, "answer": "C"}
    found = read([row])
    assert (found.problems[0].question, found.problems[0].answer) == ("?\n\nA. red\nB. green", "B")
    assert read([row, {**row, "answer": "B"}]).refused == [
        RowRefusal(2, "the answer names none of the choices ('B')")
    ]


@pytest.mark.parametrize("choices", [["1.5", "2.5", "3.5"], ["1:2", "2:3", "3:4"], ["a.b", "b.c"]])
def test_numbers_and_ratios_are_no_labels(choices: list[str]) -> None:
    found = read([{"question": "?", "choices": choices, "answer": choices[1]}])
    assert f"B. {choices[1]}" in found.problems[0].question
    assert found.problems[0].answer == "B"


def test_columns_named_a_b_c_are_choices_only_where_the_golds_name_them() -> None:
    row = {"question": "Solve ax^2+bx+c.", "a": 1, "b": -5, "c": 6, "answer": "x = 2, x = 3"}
    for rows in ([row], [{**row, "answer": 1}, {**row, "answer": 7}]):
        found = read(rows)
        assert found.mapping.choices == ()
        assert found.problems[0].question == "Solve ax^2+bx+c."
        assert found.warnings == ()


def test_choices_that_are_not_used_are_pointed_out() -> None:
    rows = [{"question": "Which?", "options": ["red", "green"], "answer": "A"}]
    found = read(rows, ColumnMapping("question", "answer"))
    assert found.warnings == ("The choices in options are not used: questions may need them.",)
    rows = [{"question": "Which?", "A": "red", "B": "blue", "C": "green", "answer": "A"}]
    found = read(rows, ColumnMapping("question", "answer"))
    assert found.warnings == ("The choices in A, B, C are not used: questions may need them.",)
    found = read([{"question": "Which?", "options": "red or green", "answer": "red"}])
    assert found.warnings == ("The choices in options are not used: questions may need them.",)


def test_wrong_answers_in_columns_of_their_own_are_shuffled_in() -> None:
    rows = [
        {
            "question": f"{n}?",
            "correct_answer": "iron",
            "distractor1": "neon",
            "distractor2": "xenon",
        }
        for n in range(30)
    ]
    found = read(rows)
    assert {problem.answer for problem in found.problems} == {"A", "B", "C"}
    for problem in found.problems:
        assert f"{problem.answer}. iron" in problem.question.split("\n")


def test_the_order_is_that_of_the_hashes() -> None:
    choices = [Choice(text, (), n, "") for n, text in enumerate(["iron", "neon", "argon"])]
    # printf 'Which?\0iron' | sha256sum: 1d17..., neon 953f..., argon 4e91...
    assert [each.text for each in shuffled(choices, "Which?")] == ["iron", "argon", "neon"]
    assert [each.text for each in shuffled(choices[::-1], "Which?")] == ["iron", "argon", "neon"]


def test_golds_that_are_no_choices_are_pointed_out() -> None:
    found = read([{"question": "?", "choices": ["red", "green"], "answer": "a colour of grass"}])
    assert found.mapping.gold is Gold.AS_WRITTEN
    assert found.warnings == (
        "The correct answer is read as it is written, and names none of the choices.",
    )


def test_a_gold_that_names_a_choice_needs_choices() -> None:
    with pytest.raises(ProblemError, match="no column has choices"):
        read([{"question": "?", "answer": "A"}],
             ColumnMapping("question", "answer", gold=Gold.CHOICE_LABEL))  # fmt: skip
