"""Uploaded problem files: the guess is shown, confirmed or changed; what is wrong is said."""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from streamlit.testing.v1 import AppTest

from core.problems.table import Gold, Join
from core.records import Problem

SHEET = b"prompt,gold,solution\n**1 + 1**?,2,so \\boxed{2}\n,3,\n<b>2</b>?,4,so \\boxed{4}\n"


def panel() -> None:
    """The panel alone; `held` stands for the session's problem sets."""
    from types import SimpleNamespace
    from typing import Any, cast

    import streamlit as st

    from explorer.shared.problem_sets import upload_problems

    held = st.session_state.setdefault("held", {})
    state: Any = SimpleNamespace(opened=SimpleNamespace(problem_sets=held))
    upload_problems(cast(Any, state), "file")


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_function(panel, default_timeout=300).run()


def upload(app: AppTest, name: str, data: bytes) -> AppTest:
    app.file_uploader[0].set_value((name, data, "application/octet-stream")).run()
    assert not app.exception
    return app


def held(app: AppTest) -> dict[str, list[Problem]]:
    found: dict[str, list[Problem]] = app.session_state["held"]
    return found


def choice(app: AppTest, label: str) -> Any:
    boxes = (*app.selectbox, *app.multiselect)
    return next(each for each in boxes if each.label == label)


def typed(app: AppTest, label: str, text: str) -> None:
    """Type what is not among a select box's options, which AppTest itself can't."""
    box = choice(app, label)
    box.options = [*box.options, text]
    box.set_value(text).run()
    assert not app.exception


def said(app: AppTest) -> str:
    return "\n".join(each.value for each in (*app.markdown, *app.caption, *app.warning, *app.error))


def use(app: AppTest) -> AppTest:
    app.button[1].click().run()
    assert not app.exception
    return app


def test_the_explorers_own_form_is_taken_at_once(app: AppTest) -> None:
    upload(app, "mine.jsonl", b'{"question": "1 + 1?", "answer": "2"}')
    assert held(app) == {"mine.jsonl": [Problem("mine-1", "1 + 1?", "2")]}
    assert not app.selectbox
    assert "Added: 1 problem of" in said(app)


def test_a_guess_is_shown_and_confirmed(app: AppTest) -> None:
    upload(app, "sheet.csv", SHEET)
    assert held(app) == {}
    assert choice(app, "Question").value == ["prompt"]
    assert choice(app, "Correct answer").value == "gold"
    assert choice(app, "Id").value is None
    assert [button.label for button in app.button] == ["Map columns", "Use 2 problems"]
    assert "row 3: the question is missing" in said(app)
    assert "\\*\\*1 \\+ 1\\*\\*?" in said(app)  # markup of a file is text
    assert "<b>" not in said(app)
    use(app)
    assert held(app) == {
        "sheet.csv": [
            Problem("sheet-2", "**1 + 1**?", "2"),
            Problem("sheet-4", "<b>2</b>?", "4"),
        ]
    }
    assert not app.selectbox


def test_a_wrong_guess_is_changed(app: AppTest) -> None:
    upload(app, "sheet.csv", SHEET)
    choice(app, "Correct answer").set_value("solution").run()
    assert str(choice(app, "The correct answer is").value) == "in the last \\boxed{}"
    choice(app, "Family").set_value("gold").run()
    use(app)
    assert [(p.answer, p.family) for p in held(app)["sheet.csv"]] == [("2", "2"), ("4", "4")]


def test_a_file_without_a_known_column_asks_for_one(app: AppTest) -> None:
    upload(app, "odd.json", json.dumps([{"a": "1 + 1?", "b": 2}]).encode())
    assert "looks like a question" in said(app)
    assert len(app.button) == 1
    choice(app, "Question").set_value(["a"]).run()
    choice(app, "Correct answer").set_value("b").run()
    use(app)
    assert held(app) == {"odd.json": [Problem("odd-1", "1 + 1?", "2")]}


def test_a_published_shape_is_named(app: AppTest) -> None:
    file = io.BytesIO()
    pq.write_table(pa.table({"question": ["How many?"], "answer": ["so\n#### 5"]}), file)
    upload(app, "test.parquet", file.getvalue())
    assert "Parquet in the form of GSM8K" in said(app)
    use(app)
    assert held(app) == {"test.parquet": [Problem("test-1", "How many?", "5")]}


def test_two_columns_are_joined_in_the_order_in_which_they_are_chosen(app: AppTest) -> None:
    rows = [{"Story": "Ann has 2 pens.", "Task": "How many pens?", "Answer": 2}]
    upload(app, "odd.json", json.dumps(rows).encode())
    choice(app, "Question").set_value(["Story", "Task"]).run()
    choice(app, "Correct answer").set_value("Answer").run()
    assert "Ann has 2 pens\\. How many pens?" in said(app)
    choice(app, "Joined by").set_value(Join.LINE).run()
    use(app)
    assert held(app) == {"odd.json": [Problem("odd-1", "Ann has 2 pens.\nHow many pens?", "2")]}


def test_a_column_that_may_be_a_part_of_the_question_is_pointed_out(app: AppTest) -> None:
    rows = [{"Body": "Ann has 2 pens.", "Question": "How many pens?", "Answer": 2, "Equation": ""}]
    upload(app, "svamp.json", json.dumps(rows).encode())
    assert "in the form of SVAMP" in said(app)
    assert "looks like a part" not in said(app)
    choice(app, "Question").set_value(["Question"]).run()
    assert "The column 'Body' is not used, but looks like a part of the question" in said(app)


def test_values_inside_columns_are_offered_and_can_be_typed(app: AppTest) -> None:
    row = {
        "who": {"asks": {"text": "2 + 2?"}},
        "check": {"truth": "4", "more": [{"deep": "four"}]},
    }
    upload(app, "nested.jsonl", json.dumps(row).encode() + b"\n" + json.dumps(row).encode())
    assert "looks like a question" in said(app)
    offered = " ".join(choice(app, "Question").options)
    assert "who.asks.text · 2 + 2?" in offered
    assert "check.truth · 4" in offered
    choice(app, "Question").set_value(["who.asks.text"]).run()
    typed(app, "Correct answer", "check.more[0].deep")
    assert "Correct answer: four" in said(app)
    typed(app, "Correct answer", "check.more[1].deep")
    assert "has nothing at 'check.more[1].deep' for the answer" in said(app).replace("\\", "")
    typed(app, "Correct answer", "check..truth")
    assert "neither a column nor a path" in said(app)
    choice(app, "Correct answer").set_value("check.truth").run()
    use(app)
    assert [(p.question, p.answer) for p in held(app)["nested.jsonl"]] == [("2 + 2?", "4")] * 2


def test_choices_are_shown_with_letters_on_lines_of_their_own(app: AppTest) -> None:
    rows = [{"question": "Which is prime?", "one": "4", "two": "<b>7</b>", "gold": 2}]
    upload(app, "quiz.json", json.dumps(rows).encode())
    choice(app, "Choices").set_value(["one", "two"]).run()
    choice(app, "The correct answer is").set_value(Gold.CHOICE_FROM_1).run()
    assert "A\\. 4  \nB\\. \\<b\\>7" in said(app)
    use(app)
    assert held(app)["quiz.json"][0] == Problem(
        "quiz-1", "Which is prime?\n\nA. 4\nB. <b>7</b>", "B"
    )


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.parquet", b"PAR1", "can't be read as Parquet"),
        ("a.csv", b"PK\x03\x04", "a zip archive"),
        ("a.jsonl", b"", "no problems"),
        ("a.jsonl", b"{", "line 1\\: the JSON is broken"),
        ("a.csv", b"question,answer\n,1\n", "row 2\\: the question is missing"),
        ("a.json", b"\xff\xfe", "UTF\\-16"),
    ],
)
def test_what_can_not_be_read_is_said(app: AppTest, name: str, data: bytes, says: str) -> None:
    upload(app, name, data)
    assert says in said(app)
    assert held(app) == {}
    upload(app, "mine.jsonl", b'{"question": "1 + 1?"}')  # and the next file is
    assert list(held(app)) == ["mine.jsonl"]


def test_many_left_out_rows_are_counted(app: AppTest) -> None:
    upload(app, "many.csv", b"question,answer\n1?,1\n" + b",1\n" * 100)
    assert "100 rows left out" in said(app)
    assert "and 92 more" in said(app)
