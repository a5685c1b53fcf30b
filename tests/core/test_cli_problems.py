"""`fork-explorer problems`, and the problem files that every command takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from models import save_tiny_model

from core.problems.problem_sets import read_problems
from core.records import Problem

SHEET = "prompt,gold,topic\n1 + 1?,2,sums\n,3,sums\n=2+2,=4,sums\n"


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    (tmp_path / "sheet.csv").write_text(SHEET)
    return tmp_path / "sheet.csv"


def test_it_shows_what_a_file_holds(run: Any, sheet: Path) -> None:
    code, out, err = run("problems", sheet)
    assert code == 0
    assert out == (
        "sheet.csv: CSV with 2 problems\n"
        "  question  prompt\n"
        "  answer    gold, as it is written\n"
        "  family    topic\n"
        "- sheet-2: 1 + 1? -> 2\n"
        "- sheet-4: =2+2 -> =4\n"
    )
    assert err == "fork-explorer: sheet.csv, row 3 is left out: the question is missing.\n"


def test_json_is_everything_and_nothing_else(run: Any, sheet: Path) -> None:
    code, out, err = run("problems", sheet, "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert found["mapping"]["answer"] == "gold"
    assert found["refused"] == [{"row": 3, "reason": "the question is missing"}]
    assert [problem["family"] for problem in found["problems"]] == ["sums", "sums"]


def test_it_writes_json_lines_in_which_nothing_is_guessed(
    run: Any, sheet: Path, tmp_path: Path
) -> None:
    out = tmp_path / "sheet.jsonl"
    code, _, err = run("problems", sheet, "--sample", 1, "--seed", 3, "--out", out)
    assert code == 0
    assert f"Problems written to {out}: 1." in err
    (kept,) = read_problems(out)
    assert kept in [
        Problem("sheet-2", "1 + 1?", "2", "", "sums"),
        Problem("sheet-4", "=2+2", "=4", "", "sums"),
    ]


def test_columns_can_be_said(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "odd.json"
    rows = [
        {"a": f"{n}?", "b": f"so \\boxed{{{n}}}", "question": "not this", "id": 7} for n in "12"
    ]
    file.write_text(json.dumps(rows))
    code, out, _ = run("problems", file, "--columns", "question=a, answer=b, id=", "--json")
    found = json.loads(out)
    assert code == 0
    assert [(p["id"], p["question"], p["answer"]) for p in found["problems"]] == [
        ("odd-1", "1?", "1"),
        ("odd-2", "2?", "2"),
    ]
    _, out, _ = run("problems", file, "--columns", "answer=b,gold=written,id=", "--json")
    assert json.loads(out)["problems"][0]["answer"] == "so \\boxed{1}"


STORY = [
    {"ID": "s-1", "Body": "Ann has 5 pens", "Question": "How many are red?", "Answer": 3.0,
     "Equation": "5 - 2", "Type": "Subtraction"},
    {"ID": "s-2", "Body": "Bo ran 4 km.", "Question": "How far\nin m?", "Answer": 4000.0,
     "Equation": "4 * 1000", "Type": "Multiplication"},
]  # fmt: skip


@pytest.fixture
def story(tmp_path: Path) -> Path:
    (tmp_path / "story.json").write_text(json.dumps(STORY))
    return tmp_path / "story.json"


def test_whole_questions_are_shown_with_the_shape_by_name(run: Any, story: Path) -> None:
    code, out, err = run("problems", story)
    assert (code, err) == (0, "")
    assert out == (
        "story.json: JSON with 2 problems, in the form of SVAMP: the question is a Body and a "
        "Question\n"
        "  question  Body + Question, joined by a space\n"
        "  answer    Answer, as it is written\n"
        "  id        ID\n"
        "  family    Type\n"
        "  not used  Equation\n"
        "- s-1: Ann has 5 pens How many are red? -> 3.0\n"
        "- s-2: Bo ran 4 km. How far\n"
        "  in m?\n"
        "  -> 4000.0\n"
    )


@pytest.mark.parametrize(
    ("arguments", "question", "join"),
    [
        (("--question", "Body", "--question", "Question"), "Ann has 5 pens How many are red?",
         "a space"),
        (("--columns", "question=Body+Question"), "Ann has 5 pens How many are red?", "a space"),
        (("--columns", "question=Body+Question,join=line"), "Ann has 5 pens\nHow many are red?",
         "a line break"),
        (("--columns", "context=Body"), "Ann has 5 pens\n\nHow many are red?", "a blank line"),
        (("--columns", "question=Question,context=Body"), "Ann has 5 pens\n\nHow many are red?",
         "a blank line"),
        (("--question", "Question", "--columns", "join=blank"), "How many are red?",
         "a blank line"),
    ],
)  # fmt: skip
def test_columns_are_joined_in_the_given_order(
    run: Any, story: Path, arguments: tuple[str, ...], question: str, join: str
) -> None:
    code, out, _ = run("problems", story, *arguments, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["problems"][0]["question"] == question
    assert found["mapping"]["join"] == join
    assert found["mapping"]["question"][-1] == "Question"


def test_a_part_that_is_missing_is_warned_of(run: Any, story: Path, tmp_path: Path) -> None:
    warning = "The column 'Body' is not used, but looks like a part of the question."
    _, _, err = run("problems", story, "--question", "Question")
    assert err == f"fork-explorer: story.json: {warning}\n"
    _, out, _ = run("problems", story, "--question", "Question", "--json")
    assert json.loads(out)["warnings"] == [warning]


def test_nested_columns_and_choices_are_named(run: Any, tmp_path: Path) -> None:
    rows = [
        {"ask": {"it": "Which?"}, "a+b": "4", "c,d": "7", "gold": {"is": [{"n": n}]}}
        for n in (0, 1)
    ]
    file = tmp_path / "odd.json"
    file.write_text(json.dumps(rows))
    code, out, _ = run(
        "problems", file, "--question", "ask.it", "--answer", "gold.is[0].n", "--choices", "a+b",
        "--choices", "c,d", "--json",
    )  # fmt: skip
    found = json.loads(out)
    assert code == 0
    assert [problem["answer"] for problem in found["problems"]] == ["A", "B"]
    assert found["problems"][0]["question"] == "Which?\n\nA. 4\nB. 7"
    assert found["mapping"]["gold"] == "the number of a choice, from 0"
    code, _, err = run(
        "problems", file, "--columns", "question=ask.it,answer=gold.is[0].n,gold=text", "--choices",
        "a+b", "--choices", "c,d",
    )  # fmt: skip
    assert code == 2
    assert "record 1: the answer names none of the choices ('0')" in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ("--question", "prompt.text"),
            "has nothing at 'prompt.text' for the question, in any row",
        ),
        (("--question", "prompt[x]"), "'prompt[x]' is neither a column nor a path"),
        (("--question", "prompt", "--question", "prompt"), "names 'prompt' twice"),
        (("--columns", "question=prompt", "--question", "prompt"), "are given twice"),
        (("--columns", "join=comma"), "does not know 'join=comma'"),
        (("--choices", "gold"), "the choices are 1, and 2 to 10 are allowed"),
        (("--columns", "question=nothing"), "has no column 'nothing' for the question"),
        (("--columns", "questions=gold"), "does not know 'questions=gold'"),
        (("--columns", "gold=anywhere"), "does not know 'gold=anywhere'"),
        (("--columns", "question="), "looks like a question"),
        (("--sample", 3), "can't be drawn from 2"),
        (("--out", "{folder}"), "can't be written"),
    ],
)
def test_what_can_not_be_done_is_one_line(
    run: Any, sheet: Path, arguments: tuple[object, ...], says: str
) -> None:
    filled = [str(each).replace("{folder}", str(sheet.parent)) for each in arguments]
    code, out, err = run("problems", sheet, *filled)
    assert (code, out) == (2, "")
    assert says in err
    assert err.count("\n") == 1


def test_a_hub_dataset_is_shown_too(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "sums").mkdir()
    table = pa.table({"question": ["1 + 1?"], "answer": ["#### 2"]})
    pq.write_table(table, tmp_path / "sums" / "test.parquet")
    code, out, _ = run("problems", tmp_path / "sums", "--hub", "--split", "test")
    assert code == 0
    assert "hub dataset with 1 problem, in the form of GSM8K: the gold answer" in out
    code, _, err = run("problems", "nobody/nothing", "--hub")
    assert code == 2
    assert "The hub can't be reached" in err


def test_commands_take_every_kind_of_file_and_say_what_they_leave_out(
    run: Any, sheet: Path, tmp_path: Path
) -> None:
    model = save_tiny_model(tmp_path / "model")
    pq.write_table(pa.table({"question": ["1 + 1?"], "answer": ["#### 2"]}), tmp_path / "p.parquet")
    for file, golds in ((sheet, ["2", "=4"]), (tmp_path / "p.parquet", ["2"])):
        code, out, err = run(
            "generate", "--model", model, "--problems", file, "--max-new-tokens", 2, "--json"
        )
        assert code == 0
        chains = [json.loads(line) for line in out.splitlines()]
        assert [chain["problem"]["answer"] for chain in chains] == golds
        assert ("row 3 is left out" in err) == (file == sheet)
    out_dir = tmp_path / "run"
    command = ("evaluate", "--model", model, "--problems", sheet, "--run", out_dir, "-n", 1,
               "--max-new-tokens", 2, "--json")  # fmt: skip
    code, out, err = run(*command)
    assert code == 0
    assert "row 3 is left out" in err
    assert len(read_problems(out_dir / "problems.jsonl")) == 2
