"""Problem files of every kind: rows, columns, published shapes; what is no problem is named."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import ProblemError, ResourceError
from core.problems import parquet_rows
from core.problems import table as limits
from core.problems.conversion import make_table
from core.problems.problem_sets import read_problems
from core.problems.reading import read_problem_file, read_rows
from core.problems.table import ColumnMapping, Gold, Join, RowRefusal
from core.records import Problem
from core.system.child_process import Worker

ROWS: list[dict[str, Any]] = [
    {"question": "1 + 1?", "answer": "2"},
    {"question": "2 + 2?", "answer": "4"},
]
FOUND = [("1 + 1?", "2"), ("2 + 2?", "4")]


def parquet(table: pa.Table | list[dict[str, Any]], **how: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(table) if isinstance(table, list) else table, file, **how)
    return file.getvalue()


def json_lines(rows: list[dict[str, Any]]) -> bytes:
    return "\n".join(map(json.dumps, rows)).encode()


def pairs(problems: list[Problem]) -> list[tuple[str, str | None]]:
    return [(problem.question, problem.answer) for problem in problems]


# Formats.


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("p.jsonl", json_lines(ROWS), "JSON lines"),
        ("p.json", json_lines(ROWS), "JSON lines"),
        ("p.json", json.dumps(ROWS, indent=1).encode(), "JSON"),
        ("p.jsonl", json.dumps(ROWS, indent=1).encode(), "JSON"),
        ("p.json", json.dumps({"version": "1", "data": ROWS}).encode(), "JSON"),
        ("p.json", json.dumps({"a": ROWS[0], "b": ROWS[1]}).encode(), "JSON"),
        ("p", json_lines(ROWS), "JSON lines"),
        ("p.csv", b"question,answer\n1 + 1?,2\n2 + 2?,4\n", "CSV"),
        ("p.csv", b'\xef\xbb\xbf"question";"answer"\r\n"1 + 1?";"2"\r\n2 + 2?;4', "CSV"),
        ("p.CSV", b"\n\nquestion\tanswer\n\n1 + 1?\t2\n\n2 + 2?\t4\n\n", "CSV"),
        ("p.tsv", b"question\tanswer\n1 + 1?\t2\n2 + 2?\t4\n", "TSV"),
        ("p.parquet", parquet(ROWS), "Parquet"),
        ("p.bin", parquet(ROWS), "Parquet"),
    ],
)
def test_every_format_gives_the_same_problems(name: str, data: bytes, kind: str) -> None:
    found = read_problem_file(data, name)
    assert pairs(found.problems) == FOUND
    assert found.kind == kind
    assert found.refused == []


def test_a_file_on_disk_is_named_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "sums.csv").write_bytes(b"question,answer\n1 + 1?,2\n")
    (found,) = read_problem_file(tmp_path / "sums.csv").problems
    assert found.id == "sums-2"  # the row that a spreadsheet shows
    assert read_problems(str(tmp_path / "sums.csv")) == [found]


def test_good_rows_are_kept_and_the_others_named() -> None:
    lines = [
        b'{"question": "1 + 1?", "answer": "2"}',
        b"{broken",
        b"",
        b'{"question": "\xff"}',
        b'{"answer": "3"}',
        b'{"question": "2 + 2?", "answer": {"value": 4}}',
        b'{"question": "2 + 2?", "answer": "4"}',
        b"[1]",
        b'{"question": "?", "answer": NaN}',
    ]
    found = read_problem_file(b"\n".join(lines), "p.jsonl")
    assert pairs(found.problems) == FOUND
    assert found.refused == [
        RowRefusal(2, "the JSON is broken at column 2 (Expecting property name enclosed in "
                      "double quotes)"),
        RowRefusal(4, "this is not UTF-8 text"),
        RowRefusal(5, "the question is missing"),
        RowRefusal(6, "the answer is neither text nor a number"),
        RowRefusal(8, "this is not a JSON object"),
        RowRefusal(9, "the answer can't be read (NaN is not a number)"),
    ]  # fmt: skip
    assert found.noun == "line"
    assert not found.certain


def test_rows_of_a_table_are_named_as_a_spreadsheet_shows_them() -> None:
    data = (
        b"question,answer\n"
        b'"1 +\n1?",2\n'
        b"2 + 2?,4,too many\n"
        b"only one\n"
        b"\xff,1\n"
        b'"wrong" quotes,5\n'
        b",6\n"
        b"3 + 3?,\n"
        b'"never closed,7\n'
    )
    found = read_problem_file(data, "p.csv")
    assert pairs(found.problems) == [("1 +\n1?", "2"), ("3 + 3?", None)]
    reasons = {refusal.row: refusal.reason for refusal in found.refused}
    assert reasons == {
        3: "it has 3 cells under 2 columns",
        4: "it has 1 cells under 2 columns",
        5: "this is not UTF-8 text",
        6: "its quotation marks are wrong (',' expected after '\"')",
        7: "the question is missing",
        9: "its quotation marks are wrong (unexpected end of data)",
    }


def test_records_of_a_document_are_counted() -> None:
    document = {"data": [ROWS[0], {"question": 7}, {"question": "\udc80"}, ROWS[1]]}
    found = read_problem_file(json.dumps(document).encode(), "p.json")
    assert pairs(found.problems) == FOUND
    assert [(refusal.row, found.noun) for refusal in found.refused] == [
        (2, "record"), (3, "record"),
    ]  # fmt: skip
    assert [problem.id for problem in found.problems] == ["p-1", "p-4"]


def test_keys_of_an_object_of_records_are_ids() -> None:
    found = read_problem_file(json.dumps({"a": ROWS[0], "b": ROWS[1]}).encode(), "p.json")
    assert [problem.id for problem in found.problems] == ["a", "b"]


def test_numbers_of_parquet_are_read_as_people_write_them() -> None:
    table = pa.table(
        {
            "problem": ["a", "b", "c", "d", "e"],
            "answer": pa.array([27.0, 0.5, None, float("nan"), 2.0**60]),
        }
    )
    found = read_problem_file(parquet(table), "p.parquet")
    assert [p.answer for p in found.problems] == ["27", "0.5", None, None, repr(2.0**60)]
    decimals = pa.table({"problem": ["a"], "answer": pa.array([Decimal("72.50")])})
    assert read_problem_file(parquet(decimals), "p.parquet").problems[0].answer == "72.50"


def test_parquet_columns_that_are_no_text_are_left_out() -> None:
    table = pa.table(
        {
            "problem": pa.array([b"1 + 1?", b"\xff"], pa.binary()),  # text of an old writer
            "answer": pa.array(["2", "3"]).dictionary_encode(),
            "image": pa.array([{"bytes": b"..."}, None]),
            "when": pa.array([0, 2**62], pa.timestamp("us")),
        }
    )
    found = read_problem_file(parquet(table), "p.parquet")
    assert found.columns == ("problem", "answer")
    assert pairs(found.problems) == [("1 + 1?", "2")]
    assert found.refused == [
        RowRefusal(
            2,
            "the question has an invalid character (a lone surrogate, or a byte that is not UTF-8)",
        )
    ]


def test_objects_and_lists_of_objects_of_parquet_are_read() -> None:
    kind = pa.struct(
        [("question", pa.large_string()), ("n", pa.int64()), ("picture", pa.binary()),
         ("steps", pa.list_(pa.struct([("text", pa.string()), ("deep", pa.list_(pa.float64()))])))]
    )  # fmt: skip
    extra = [
        {"question": "1 + 1?", "n": 7, "picture": b"\xff", "steps": [{"text": "a", "deep": [1.5]}]},
        None,
        {"question": None, "n": None, "picture": None, "steps": None},
        {"question": "2 + 2?", "n": 8, "picture": None, "steps": []},
    ]
    table = pa.table(
        {
            "prompt": [[{"role": "user", "content": f"{n}?"}] for n in range(4)],
            "reward_model": [{"ground_truth": str(n)} for n in range(4)],
            "extra_info": pa.array(extra, kind),
            "names": pa.array([["a", "b"]] * 4, pa.list_(pa.string(), 2)),
            "matrix": [[[1]]] * 4,
            "a.b": ["literal"] * 4,
            "a": [{"b": "inside"}] * 4,
        }
    )
    for data in (parquet(table), parquet(table, row_group_size=1), parquet(table, version="1.0")):
        rows = read_rows(data, "p.parquet")
        assert rows.columns == (
            "prompt", "reward_model", "extra_info", "names", "a.b", "a",
        )  # fmt: skip
        cells = [row["extra_info"] for _, row in rows.rows]
        assert cells[1:] == [
            None,
            {"question": None, "n": None, "steps": None},
            {"question": "2 + 2?", "n": "8", "steps": []},
        ]
        assert cells[0] == {
            "question": "1 + 1?", "n": "7", "steps": [{"text": "a", "deep": ["1.5"]}],
        }  # fmt: skip
        assert rows.rows[0][1]["names"] == ["a", "b"]
        assert rows.rows[0][1]["a.b"] == "literal"
        assert rows.rows[0][1]["a"] == {"b": "inside"}
        found = make_table(
            rows, ColumnMapping("prompt", "extra_info.steps[0].deep", gold=Gold.LIST)
        )
        assert [problem.answer for problem in found.problems] == ["1.5", None, None, None]


def test_what_is_nested_deeply_in_parquet_is_left_out() -> None:
    kind: pa.DataType = pa.string()
    value: Any = "deep"
    for _ in range(40):
        kind, value = pa.struct([("in", kind)]), {"in": value}
    table = pa.table({"question": ["1 + 1?"], "deep": pa.array([value], kind)})
    assert read_problem_file(parquet(table), "p.parquet").columns == ("question",)


def test_lists_are_read_from_every_row_group() -> None:
    rows = [{"question": f"{n}?", "final_answer": [str(n)], "answer_type": "x"} for n in range(9)]
    found = read_problem_file(parquet(rows, row_group_size=2), "p.parquet")
    assert [problem.answer for problem in found.problems] == list("012345678")


def test_a_parquet_bomb_inside_an_object_is_refused() -> None:
    for length, repeats in ((90_000, 50_000), (30_000_000, 5_000)):
        array = pa.DictionaryArray.from_arrays(
            pa.array([0] * repeats, pa.int32()), pa.array(["x" * length])
        )
        table = pa.table({"extra": pa.StructArray.from_arrays([array], ["question"])})
        data = parquet(table, compression="zstd")
        assert len(data) < 200_000
        with pytest.raises(ProblemError, match=r"unpacks into|crashed|can't be read"):
            read_problem_file(data, "p.parquet")
    assert pairs(read_problem_file(parquet(ROWS), "p.parquet").problems) == FOUND


def test_a_parquet_bomb_of_nested_lists_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_rows, "LIMIT_S", 600.0)  # a busy machine takes longer
    fields = [pa.nulls(600_000, pa.int8())] * 10
    objects = pa.StructArray.from_arrays(fields, [f"k{n}" for n in range(10)])
    lists = pa.ListArray.from_arrays(pa.array(range(0, 600_001, 1_000), pa.int32()), objects)
    table = pa.table({"question": ["?"] * 600, "x": lists})
    data = parquet(table, compression="zstd")
    assert len(data) < 200_000
    with pytest.raises(ProblemError, match="its lists have more than 5,000,000 values"):
        read_problem_file(data, "p.parquet")
    assert pairs(read_problem_file(parquet(ROWS), "p.parquet").problems) == FOUND


# Columns.


@pytest.mark.parametrize(
    ("columns", "mapping"),
    [
        (
            ["Prompt", "Gold Answer", "Unique-ID", "Type"],
            ColumnMapping("Prompt", "Gold Answer", "Unique-ID", None, "Type"),
        ),
        (
            ["idx", "input", "target", "data_source", "level"],
            ColumnMapping("input", "target", "idx", "data_source", "level"),
        ),
        (["solution", "problem"], ColumnMapping("problem", "solution")),
        (["text"], ColumnMapping("text")),
        (["content", "question"], ColumnMapping("question")),
    ],
)
def test_columns_are_guessed_by_their_names(columns: list[str], mapping: ColumnMapping) -> None:
    row = {name: f"{name} of it" for name in columns}
    found = read_problem_file(json_lines([row]), "p.jsonl")
    assert found.mapping == mapping
    assert not found.certain


@pytest.mark.parametrize(
    ("row", "question", "answer"),
    [
        ({"body": "Ann has 2.", "question": "How many?", "answer": 2}, "Ann has 2. How many?", "2"),
        ({"article": "Long\nago.", "query": "When?", "gold": "ago"}, "Long\nago.\n\nWhen?", "ago"),
        ({"context": None, "problem": "1 + 1?", "answer": "2"}, "1 + 1?", "2"),
        ({"context": "Add.", "problem": "Add. 1 + 1?", "answer": "2"}, "Add. 1 + 1?", "2"),
        ({"meta": {"question": "1 + 1?", "answer": "2"}}, "1 + 1?", "2"),
        ({"prompt": "1 + 1?", "reward_model": {"ground_truth": "2"}}, "1 + 1?", "2"),
        ({"prompt": "1 + 1?", "response": "It is 3.", "reward_model": {"ground_truth": "2"}},
         "1 + 1?", "2"),
        ({"question": "1 + 1?", "label": {"value": 2}}, "1 + 1?", "2"),
        ({"prompt": [{"role": "user", "content": "1 + 1?"}],
          "response": [{"role": "assistant", "content": "#### 2"}]}, "1 + 1?", "2"),
    ],
)  # fmt: skip
def test_parts_and_nested_columns_are_guessed(
    row: dict[str, Any], question: str, answer: str
) -> None:
    assert pairs(read_problem_file(json_lines([row]), "p.jsonl").problems) == [(question, answer)]


def test_rows_without_a_part_of_their_question_are_counted() -> None:
    rows = [{"Body": f"Story {n}.", "Question": "?", "x": 1} for n in range(9)]
    found = read_problem_file(json_lines([*rows, {"Question": "?", "x": 1}]), "p.jsonl")
    assert found.warnings == ("1 of 10 questions have nothing in 'Body'.",)


@pytest.mark.parametrize(
    ("row", "warning"),
    [
        ({"question": "N_00 + N_01?", "Numbers": "1 2", "answer": "3"}, "'Numbers' is not used"),
        ({"question": "number0 + number1?", "answer": "3"}, "blanks"),
        ({"question": "How tall?", "images": [{"path": "x.png"}], "answer": "3"}, "'images'"),
        ({"question": "How much?", "table": "a | b", "answer": "3"}, "'table'"),
        ({"question": "<image> How tall?", "answer": "3", "x": 1}, "blanks"),
    ],
)
def test_questions_that_lack_something_are_pointed_out(row: dict[str, Any], warning: str) -> None:
    assert warning in " ".join(read_problem_file(json_lines([row]), "p.jsonl").warnings)


def test_a_column_with_the_same_value_twice_is_no_id_unless_it_says_so() -> None:
    rows = [{**row, "index": 1} for row in ROWS]
    assert read_problem_file(json_lines(rows), "p.jsonl").mapping.id is None
    rows = [{**row, "id": 1} for row in ROWS]
    found = read_problem_file(json_lines(rows), "p.jsonl")
    assert found.refused == [RowRefusal(2, "the id '1' was already used on line 1")]


def test_a_person_can_say_which_column_is_what() -> None:
    rows = [{"a": "1 + 1?", "b": "it is \\boxed{2}", "c": "sums", "d": "Add."}]
    with pytest.raises(ProblemError, match=r"looks like a question \(a, b, c, d\)"):
        read_problem_file(json_lines(rows), "p.jsonl")
    mapping = ColumnMapping(["d", "a"], "b", family="c", gold=Gold.LAST_BOX, join=Join.BLANK_LINE)
    found = read_problem_file(json_lines(rows), "p.jsonl", mapping)
    assert found.problems == [Problem("p-1", "Add.\n\n1 + 1?", "2", "", "sums")]
    with pytest.raises(ProblemError, match="has no column 'z' for the answer"):
        read_problem_file(json_lines(rows), "p.jsonl", ColumnMapping("a", "z"))


def test_only_the_explorers_own_form_without_refusals_is_certain() -> None:
    own = [{"id": "a", "question": "?", "answer": "1", "source": "s", "family": "f"}]
    assert read_problem_file(json_lines(own), "p.jsonl").certain
    assert read_problem_file(json_lines(ROWS), "p.jsonl").certain
    assert not read_problem_file(json_lines([*own, {"id": "b"}]), "p.jsonl").certain
    assert not read_problem_file(json_lines([{**own[0], "level": 1}]), "p.jsonl").certain
    written = ColumnMapping("question", "id")
    assert not read_problem_file(json_lines(own), "p.jsonl", written).certain


def test_the_preview_is_the_first_rows_as_text() -> None:
    rows = [{"question": f"{n}?" * 200, "answer": n, "more": [n]} for n in range(9)]
    found = read_problem_file(json_lines(rows), "p.jsonl")
    assert len(found.preview) == 5
    assert found.preview[3]["answer"] == "3"
    assert found.preview[3]["more"] == "['3']"
    assert len(found.preview[3]["question"]) == 200


# Published shapes. Each row has the columns of the published file.

PUBLISHED: list[tuple[str, str, dict[str, Any], Problem]] = [
    (
        "GSM8K", "test.jsonl",
        {"question": "How many?", "answer": "9 * 2 = $<<9*2=18>>18.\n#### 1,018"},
        Problem("test-1", "How many?", "1,018"),
    ),
    (
        "MATH-500", "test.jsonl",
        {"problem": "Convert.", "solution": "... \\boxed{3}.", "answer": "\\frac{1}{2}",
         "subject": "Precalculus", "level": 2, "unique_id": "test/precalculus/807.json"},
        Problem("test/precalculus/807.json", "Convert.", "\\frac{1}{2}", "", "Precalculus"),
    ),
    (
        "MATH", "train.json",
        {"problem": "Solve.", "level": "Level 5", "type": "Algebra",
         "solution": "First \\boxed{1}, so $\\boxed{\\frac{1}{2}}$."},
        Problem("train-1", "Solve.", "\\frac{1}{2}", "", "Algebra"),
    ),
    (
        "reference code records", "records.jsonl",
        {"problem_id": "math500/1", "problem_text": "Solve.", "ground_truth": "p - q",
         "category": "Algebra", "source_index": 0},
        Problem("math500/1", "Solve.", "p - q", "", "Algebra"),
    ),
    (
        "AIME", "train.jsonl",
        {"id": 60, "problem": "Find.", "solution": "\\boxed{204}", "answer": "204",
         "url": "https://artofproblemsolving.com/wiki/index.php/2024_AIME_I_Problems/Problem_1",
         "year": "2024"},
        Problem("60", "Find.", "204", "", "2024"),
    ),
    (
        "AIME", "train.jsonl",
        {"ID": "2024-II-4", "Problem": "Find.", "Solution": "...", "Answer": 33},
        Problem("2024-II-4", "Find.", "33"),
    ),
    (
        "AIME", "AIME_Dataset_1983_2024.csv",
        {"ID": "1983-1", "Year": "1983", "Problem Number": "1", "Question": "Find.",
         "Answer": "60", "Part": ""},
        Problem("1983-1", "Find.", "60", "", "1983"),
    ),
    (
        "AIME", "aime24.jsonl",
        {"id": 0, "problem": "Find.", "solution": "so \\boxed{204}", "url": "https://x.org"},
        Problem("0", "Find.", "204"),
    ),
    (
        "AMC", "test.parquet",
        {"id": 0, "problem": "Find.", "answer": 142.0,
         "url": "https://artofproblemsolving.com/wiki/index.php/2022_AMC_12A_Problems/Problem_1"},
        Problem("0", "Find.", "142"),
    ),
    (
        "AMC", "amc23.jsonl",
        {"id": 0, "question": "Find.", "answer": "27.0", "url": "https://x.org"},
        Problem("0", "Find.", "27.0"),
    ),
    (
        "Minerva Math", "test.jsonl",
        {"problem": "How far?", "solution": "$s=\\boxed{1.6} \\mathrm{~cm}$", "idx": 0,
         "type": "Introduction to Astronomy (8.282J Spring 2006)"},
        Problem("0", "How far?", "1.6", "", "Introduction to Astronomy (8.282J Spring 2006)"),
    ),
    (
        "OlympiadBench", "OE_TO_maths_en_COMP.json",
        {"id": 1606, "question": "Find.", "solution": ["First.", "Then."], "context": None,
         "final_answer": ["$\\frac{1}{2}$"], "is_multiple_answer": False, "unit": None,
         "answer_type": "Numerical", "subfield": "Algebra", "subject": "Math", "error": None},
        Problem("1606", "Find.", "$\\frac{1}{2}$", "", "Algebra"),
    ),
    (
        "OlympiadBench", "test.parquet",
        {"id": 1607, "question": "Find both.", "context": "Let x be real.",
         "final_answer": ["2", "3"], "is_multiple_answer": True, "unit": "km/h",
         "answer_type": "Numerical", "subfield": "Algebra"},
        Problem("1607", "Let x be real.\n\nFind both.", "2, 3", "", "Algebra"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "name", "row", "problem"), PUBLISHED)
def test_published_shapes_are_recognised(
    shape: str, name: str, row: dict[str, Any], problem: Problem
) -> None:
    if name.endswith("parquet"):
        data = parquet([row])
    elif name.endswith("csv"):
        data = "\n".join((",".join(row), ",".join(row.values()))).encode()
    else:
        data = json_lines([row])
    found = read_problem_file(data, name)
    assert (found.shape, found.problems) == (shape, [problem])


def test_a_row_without_its_gold_answer_is_named() -> None:
    rows = [{"question": "?", "answer": "so #### 5"}] * 2 + [{"question": "?", "answer": "five"}]
    assert read_problem_file(json_lines(rows), "p.jsonl").refused == [
        RowRefusal(3, "the answer has nothing after ####")
    ]
    row = {"problem": "?", "level": "Level 1", "type": "Algebra", "solution": "\\boxed{1}"}
    rows = [row, {**row, "solution": "\\boxed{}"}]
    assert read_problem_file(json_lines(rows), "p.jsonl").refused == [
        RowRefusal(2, "the answer has no answer in a \\boxed{}")
    ]


def test_a_proof_has_no_gold_answer() -> None:
    row = {"id": 1, "question": "Prove it.", "final_answer": None, "answer_type": None}
    (found,) = read_problem_file(json_lines([row]), "p.jsonl").problems
    assert found.answer is None


# What is refused whole.


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("p.json", b'{"data": [', "p.json, line 1: the JSON is broken at column 11"),
        ("p.json", b"5", "not a JSON object"),
        ("p.json", b"[]", "no problems"),
        ("p.json", b"{}", "looks like a question"),
        ("p.json", b"[" * 100_000, "nested too deeply"),
        ("p.json", json.dumps({"train": ROWS, "test": ROWS}).encode(), "train, test"),
        ("p.csv", b"", "row 1: it is empty"),
        ("p.csv", b"question,answer\n", "no problems"),
        ("p.csv", b"question,question\n1,2\n", "the column 'question' appears twice"),
        ("p.csv", b"question,\xff\n1,2\n", "row 1: this is not UTF-8 text"),
        ("p.csv", b"\0\1\2,question\n1,2\n", "row 1: this is not UTF-8 text"),
        ("p.csv", b"c," * 300, "row 1: it has 301 columns, and 200 are allowed"),
        ("p.csv", b'"' + b"x" * 200_000, "row 1: one of its cells never ends"),
        ("p.csv", "question\n?".encode("utf-16"), "UTF-16"),
        ("p.csv", b"question\n" + b"," * 5_000_001, "more than 5,000,000 values"),
        ("p.parquet", b"question,answer\n", "can't be read as Parquet"),
        ("p.parquet", parquet(ROWS)[:-9], "can't be read as Parquet"),
        ("p.parquet", parquet([{"a": "b"}]), r"looks like a question \(a\)"),
        ("p.parquet", parquet([{f"c{n}": 1 for n in range(201)}]), "201 columns"),
        ("p.jsonl", gzip.compress(json_lines(ROWS), mtime=0), "packed with gzip"),
        ("p.xlsx", b"PK\x03\x04....", "a zip archive or a spreadsheet"),
        ("p.csv", b"\x89PNG\r\n", "a picture"),
    ],
)
def test_a_file_without_problems_is_refused(name: str, data: bytes, reason: str) -> None:
    with pytest.raises(ProblemError, match=reason) as caught:
        read_problem_file(data, name)
    assert caught.value.what.startswith(name)
    assert caught.value.remedy


def test_where_no_row_is_good_the_first_is_named() -> None:
    with pytest.raises(
        ProblemError, match="row 2: the question is missing, and none of the 2 is valid"
    ):
        read_problem_file(b"question,answer\n,1\n,2\n", "p.csv")


def test_a_zip_bomb_is_not_opened() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("problems.jsonl", b" " * 10_000_000)
    for name in ("p.zip", "p.jsonl", "../../p.csv", "p.parquet"):
        with pytest.raises(ProblemError, match="a zip archive"):
            read_problem_file(file.getvalue(), name)


def test_a_parquet_bomb_is_refused_before_it_is_unpacked() -> None:
    table = pa.table({"question": ["x" * 2_000_000] * 150})
    data = parquet(table, compression="zstd", use_dictionary=False)
    assert len(data) < 100_000
    with pytest.raises(ProblemError, match="unpacks into 286 MB"):
        read_problem_file(data, "p.parquet")


def test_a_list_of_a_million_answers_is_none() -> None:
    data = parquet([{"question": "?", "answer": answer} for answer in ([2], [3], [0] * 10**6)])
    found = read_problem_file(data, "p.parquet")
    assert [problem.answer for problem in found.problems] == ["2", "3"]
    assert found.refused == [RowRefusal(3, "the answer is neither text nor a number")]


def test_a_parquet_bomb_that_its_footer_hides_is_refused_as_well() -> None:
    text = "x" * 90_000
    array = pa.DictionaryArray.from_arrays(pa.array([0] * 50_000, pa.int32()), pa.array([text]))
    data = parquet(pa.table({"question": array}), compression="zstd")  # 4.5 GB, row by row
    assert len(data) < 10_000
    with pytest.raises(ProblemError, match="unpacks into more than 100 MB"):
        read_problem_file(data, "p.parquet")
    assert pairs(read_problem_file(parquet(ROWS), "p.parquet").problems) == FOUND


def test_a_process_that_was_killed_is_replaced() -> None:
    assert read_problem_file(parquet(ROWS), "p.parquet").problems
    worker = parquet_rows._READER._worker
    assert worker is not None
    worker.process.kill()
    worker.process.wait()
    assert pairs(read_problem_file(parquet(ROWS), "p.parquet").problems) == FOUND


def test_a_full_disk_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(
        ResourceError, match=r"p\.parquet can't be unpacked \(No space left on device\)"
    ):
        read_problem_file(parquet(ROWS), "p.parquet")


def test_a_file_that_breaks_or_stops_the_process_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sleeper = "import time; print(flush=True); time.sleep(60)"
    for script, limit, reason in (
        ("print(flush=True); input()", 60.0, "crashed the process that read it"),
        (sleeper, 0.2, "it takes longer than 0 seconds"),
    ):
        monkeypatch.setattr(parquet_rows, "_READER", parquet_rows._Reader())
        monkeypatch.setattr(parquet_rows, "LIMIT_S", limit)
        monkeypatch.setattr(
            parquet_rows, "Worker", lambda *_, script=script, **how: Worker("-c", script, **how)
        )
        with pytest.raises(ProblemError, match=reason):
            read_problem_file(parquet(ROWS), "p.parquet")


def test_too_many_rows_are_refused() -> None:
    assert limits.MAX_ROWS == 100_000
    data = b'{"question": "?"}\n' * 100_001
    with pytest.raises(ProblemError, match="more than 100,000 rows"):
        read_problem_file(data, "p.jsonl")
    with pytest.raises(ProblemError, match="more than 100,000 rows"):
        read_problem_file(b"question\n" + b"?\n" * 100_001, "p.csv")
    with pytest.raises(ProblemError, match="more than 100,000 rows"):
        read_problem_file(b"[" + b"{}," * 100_000 + b"{}]", "p.json")
    with pytest.raises(ProblemError, match="more than 100,000 rows"):
        read_problem_file(parquet(pa.table({"question": ["?"] * 100_001})), "p.parquet")


def test_a_long_cell_is_refused_with_its_row() -> None:
    rows = [*ROWS, {"question": "x" * 100_001}, {"question": "?", "id": "x" * 1_001}]
    assert read_problem_file(json_lines(rows), "p.jsonl").refused == [
        RowRefusal(3, "the question has 100,001 characters, and 100,000 are allowed"),
        RowRefusal(4, "the id has more than 1,000 characters"),
    ]


@pytest.mark.parametrize("name", ["../../etc/p.csv", "/etc/passwd.csv", "a\0b.csv", "x" * 5_000])
def test_a_name_is_only_a_name(name: str) -> None:
    suffix = "" if name.endswith(".csv") else ".csv"
    (found,) = read_problem_file(b"question,answer\n=1+1?,=2\n", name + suffix).problems
    assert (found.question, found.answer) == ("=1+1?", "=2")  # a formula is text like any other
    assert "/" not in found.id
