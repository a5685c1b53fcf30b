"""Thousands of damaged problem files: problems or a ProblemError, and every refused row named.

The files are drawn by seed, so that a failure names the file it came from.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import time
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import ProblemError
from core.problems.conversion import make_table
from core.problems.paths import offered, steps
from core.problems.reading import read_problem_file, read_rows
from core.problems.table import MAX_CELL_CHARS, ColumnMapping, Gold, Join, ProblemTable

FILES = int(os.environ.get("FORK_EXPLORER_FUZZ_FILES", "2000"))
PARTS = 4  # tests, so that several processes share them

NAMES = ["question", "answer", "id", "problem", "solution", "level", "type", "subject", "url",
         "final_answer", "answer_type", "ground_truth", "problem_text", "Question", "x", "", "a.b",
         "\ud800", "=cmd()", "\u202e", "q" * 300, "Body", "context", "options", "choices", "prompt",
         "messages", "reward_model", "extra_info", "A", "B", "C", "option1", "option2", "correct",
         "answerKey", "Correct Answer", "Incorrect Answer 1", "images", "data", "questions",
         'a["b"]', "a[0].b"]  # fmt: skip
TEXTS = ["", " ", "1 + 1?", "2", "#### 5", "so #### ", "\\boxed{7}", "\\boxed{", "=1+1", "+1", "-1",
         "@SUM(A1)", "\tx", "=HYPERLINK(\"http://x\",\"y\")", "<script>", "a,b;c\td|e", 'a "b" c',
         "two\nlines", "\r\n", "\0", "é", "😀", "\ufeff", "\u2028", "x" * 5_000,
         "2024-I-1", "NaN", "null", "{}", "[", "日" * 50]  # fmt: skip
VALUES: list[Any] = [None, True, 0, -7, 3.5, 1e300, 10**30, [], ["2"], ["a", None, 3], [["a"]], {},
                     {"a": {"b": 1}}, float("nan"), float("inf"),
                     [{"role": "user", "content": "1 + 1?"}],
                     [{"role": "system", "content": "Add."}, {"role": "user", "content": ["?", 7]},
                      {"role": "assistant", "content": "#### 2"}],
                     [{"from": "human", "value": None}, {"from": "gpt", "value": "\\boxed{2}"}],
                     [{"role": "user"}, {"role": 7, "content": "x"}, {"role": "", "content": ""}],
                     [{"label": "A", "text": "4"}, {"label": "B", "text": "7"}], ["A) 4", "B) 7"],
                     {"label": ["A", "B"], "text": ["4", "7"]}, {"label": ["A"], "text": ["4"] * 2},
                     {"A": "4", "B": None, "C": ["7"]}, [[], [[]]], [{}, {}], {"text": {}},
                     {"style": "rule", "ground_truth": "2"}, {"question": "1?", "answer": ["2"]},
                     {"": {"a.b": {"\ud800": 1}}}, {"stem": "?", "choices": [{"text": "4"}] * 2},
                     "A", "b", 1]  # fmt: skip
SUFFIXES = [".jsonl", ".json", ".csv", ".tsv", ".parquet", ".JSONL", "", ".txt", ".xlsx"]


def value(draw: random.Random) -> Any:
    return draw.choice(TEXTS) if draw.random() < 0.75 else draw.choice(VALUES)


def records(draw: random.Random) -> list[dict[str, Any]]:
    columns = draw.sample(NAMES, draw.randint(0, 5)) + draw.choice([[], ["question", "answer"]])
    return [
        {name: value(draw) for name in columns if draw.random() < 0.95}
        for _ in range(draw.randint(0, 6))
    ]


def json_lines(draw: random.Random) -> bytes:
    rows: list[Any] = [value(draw) if draw.random() < 0.05 else row for row in records(draw)]
    return "\n".join(map(json.dumps, rows)).encode()


def json_document(draw: random.Random) -> bytes:
    rows = records(draw)
    document: Any = draw.choice(
        [rows, {"data": rows}, {"train": rows, "test": rows}, dict(enumerate(rows)), rows[:1], 7]
    )
    return json.dumps(document, indent=draw.choice([None, 1])).encode()


def delimited(draw: random.Random) -> bytes:
    sign = draw.choice(",;\t|")
    rows = records(draw)
    lines = [list(rows[0]) if rows else ["question"]]
    lines += [[str(cell) for cell in row.values()] for row in rows]

    def cell(text: str) -> str:
        quoted = draw.random() < 0.5
        return '"' + (text.replace('"', '""') if draw.random() < 0.9 else text) + '"' * quoted

    text = draw.choice(["\n", "\r\n", "\r"]).join(
        sign.join(cell(text) if draw.random() < 0.5 else text for text in line) for line in lines
    )
    return text.encode(draw.choice(["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16"]), "replace")


def parquet(draw: random.Random) -> bytes:
    n = draw.randint(0, 8)
    makers: list[Callable[[], pa.Array]] = [
        lambda: pa.array([draw.choice(TEXTS) for _ in range(n)]),
        lambda: pa.array([draw.choice(TEXTS) for _ in range(n)]).dictionary_encode(),
        lambda: pa.array([draw.choice([b"\xff", b"1 + 1?", None]) for _ in range(n)], pa.binary()),
        lambda: pa.array([draw.choice([None, 2.5, float("nan")]) for _ in range(n)], pa.float64()),
        lambda: pa.array([[draw.choice(TEXTS)] * draw.randint(0, 3) for _ in range(n)]),
        lambda: pa.array([[{"role": "user", "content": "?"}] for _ in range(n)]),
        lambda: pa.array([{"a": {"b": [1]}} for _ in range(n)]),
        lambda: pa.array([{"a": {"b": [[1]]}, "text": draw.choice(TEXTS)} for _ in range(n)]),
        lambda: pa.array([{"bytes": b"\xff", "text": [None, "x"]} for _ in range(n)]),
        lambda: pa.array([draw.choice([None, {"ground_truth": "2", "z": None}]) for _ in range(n)]),
        lambda: pa.array([{"label": ["A", "B"], "text": ["4", draw.choice(TEXTS)]}] * n),
        lambda: pa.array([["a", "b"]] * n, pa.list_(pa.string(), 2)),
        lambda: pa.array([[[[1]]] for _ in range(n)]),
        lambda: pa.array(["x" * 200_000] * n),
        lambda: pa.nulls(n),
    ]  # fmt: skip
    names = draw.sample(["question", "answer", "id", "final_answer", "answer_type", "x", "prompt",
                         "choices", "reward_model", "extra_info"], 3)  # fmt: skip
    table = pa.Table.from_arrays([draw.choice(makers)() for _ in names], names)
    file = io.BytesIO()
    pq.write_table(table, file, compression=draw.choice(["none", "snappy", "zstd", "gzip"]))
    return file.getvalue()


def binary(draw: random.Random) -> bytes:
    start = draw.choice(
        [b"", b"PAR1", b"PK\x03\x04", b"\x1f\x8b", b"\xff\xfe", b"{", b"\0", b"%PDF"]
    )
    return start + draw.randbytes(draw.randint(0, 400))


MAKERS = (json_lines, json_document, delimited, parquet, binary)


def damaged(draw: random.Random, data: bytes) -> bytes:
    """The same with something cut, doubled, put in or overwritten; often nothing."""
    for _ in range(draw.choice([0, 0, 1, 1, 2, 4])):
        at, to = sorted(draw.randint(0, len(data)) for _ in range(2))
        data = draw.choice(
            [
                data[:at],
                data[:at] + data[to:],
                data[:at] + data[at:to] * 2 + data[to:],
                data[:at] + draw.randbytes(3) + data[at + 3 :],
                data[:at] + draw.choice([b"\0", b"\n", b'"', b"\xff", b"}", b"\xe9", b"[" * 2_000])
                + data[at:],
            ]
        )  # fmt: skip
    return data


def check(found: ProblemTable) -> None:
    assert found.problems
    assert len({problem.id for problem in found.problems}) == len(found.problems)
    rows = [refusal.row for refusal in found.refused]
    assert rows == sorted(rows)
    assert all(
        row >= 1 and refusal.reason for row, refusal in zip(rows, found.refused, strict=True)
    )
    assert found.mapping.question
    for names in found.mapping.columns().values():
        assert all(steps(name, found.columns)[0] in found.columns for name in names)
    for problem in found.problems:
        assert problem.id
        assert problem.question.strip()
        assert len(problem.question) <= MAX_CELL_CHARS
        for text in vars(problem).values():
            assert text is None or text.encode("utf-8") is not None
    for row in found.preview:
        assert row.keys() == set(found.columns)
        "".join(row.values()).encode("utf-8")
    for sentence in (*found.notes, *found.warnings):
        assert sentence.endswith(".")
        sentence.encode("utf-8")


@pytest.mark.parametrize("part", range(PARTS))
def test_any_file_is_problems_or_a_problem_error(part: int) -> None:
    read = refused = named = 0
    for seed in range(part, FILES, PARTS):
        draw = random.Random(seed)
        data = damaged(draw, MAKERS[(seed // PARTS) % len(MAKERS)](draw))
        name = f"file{draw.choice(SUFFIXES)}"
        try:
            found: ProblemTable | ProblemError = read_problem_file(data, name)
        except ProblemError as error:
            found = error
        except Exception as error:
            raise AssertionError(f"file {seed}, {name}: {data[:200]!r}") from error
        if isinstance(found, ProblemError):
            assert found.what.startswith(name), seed
            assert len(found.what) > len(name) + 10, seed
            assert found.remedy, seed
            found.what.encode("utf-8")
            refused += 1
        else:
            check(found)
            named += len(found.refused)
            read += 1
    assert min(read, refused, named) > FILES / PARTS / 20  # the files are neither all good nor bad


PATHS = ["question", "prompt", "Body", "a.b", 'a["b"]', "messages[-1].content", "x[0]", "x[0][0]",
         "reward_model.ground_truth", "prompt[99999999]", "", ".", "a.", "[0]", '["a"', "a..b",
         '["\\ud800"]', "choices", "choices.text", "options[1]", "nothing", "extra_info.question",
         "\ud800", "a" + "[0]" * 500, "x" * 5_000]  # fmt: skip


def mapping(draw: random.Random, offers: tuple[str, ...]) -> ColumnMapping:
    """Any columns as anything."""

    def some(most: int) -> list[str]:
        names = PATHS if draw.random() < 0.1 or not offers else offers
        return list(dict.fromkeys(draw.choice(names) for _ in range(draw.randint(0, most))))

    return ColumnMapping(
        some(3),
        draw.choice([None, *some(1)]),
        draw.choice([None, *some(1)]),
        choices=draw.choice([(), (), some(4)]),
        gold=draw.choice(list(Gold)),
        join=draw.choice(list(Join)),
    )


def test_any_mapping_gives_problems_or_a_problem_error() -> None:
    read = refused = 0
    for seed in range(FILES // 4):
        draw = random.Random(seed)
        data = draw.choice([json_lines, json_document, parquet])(draw)
        try:
            rows = read_rows(data, "file.jsonl")
            found = make_table(rows, mapping(draw, offered(rows)))
        except ProblemError:
            refused += 1
        except Exception as error:
            raise AssertionError(f"file {seed}: {data[:200]!r}") from error
        else:
            check(found)
            read += 1
    assert min(read, refused) > FILES / 4 / 20


def nested(depth: int, inner: str = '"?"') -> str:
    return "[" * depth + inner + "]" * depth


def keyed(depth: int) -> str:
    return '{"question": ' * depth + '"?"' + "}" * depth


@pytest.mark.parametrize("depth", [3, 40, 500, 900, 5_000])
@pytest.mark.parametrize("name", ["p.jsonl", "p.json"])
def test_depth_bombs_are_refused_with_their_row(depth: int, name: str) -> None:
    good = '{"question": "1 + 1?", "answer": "2", "prompt": "x", "choices": null}'
    for bomb in (
        f'{{"question": {nested(depth)}}}',
        f'{{"question": "?", "answer": {nested(depth)}}}',
        f'{{"choices": {nested(depth)}, "question": "?", "id": {nested(depth)}}}',
        f'{{"question": "?", "messages": {nested(depth)}, "context": {keyed(depth)}}}',
        keyed(depth),
        nested(depth, keyed(depth)),
    ):
        for text in (bomb, f"{bomb}\n{good}", f"[{bomb}, {good}]", f'{{"data": [{bomb}]}}'):
            with contextlib.suppress(ProblemError):
                check(read_problem_file(text.encode(), name))


def test_ten_thousand_keys_are_read() -> None:
    many = {f"key {n}": n for n in range(10_000)}
    rows = [{"question": "1 + 1?", "answer": "2", "extra": many, **many}] * 20
    found = read_problem_file("\n".join(map(json.dumps, rows)).encode(), "p.jsonl")
    assert len(found.problems) == 20
    assert len(found.columns) == 200
    one = {"question": many, "answer": many, "choices": many, "prompt": [many] * 3}
    with pytest.raises(ProblemError):
        read_problem_file(json.dumps(one).encode(), "p.jsonl")


def test_long_blanks_take_no_time() -> None:
    blanks = " " * 45_000
    rows = [
        {"prompt": [{"role": "user", "content": f"1 + 1?{blanks}x"}], "answer": f"9{blanks}(x"},
        {"prompt": [{"role": "user", "content": f"x{blanks}Let's think{blanks}"}], "answer": "("},
    ]
    start = time.process_time()
    mapping = ColumnMapping("prompt", "answer", gold=Gold.WITHOUT_UNIT)
    data = "\n".join(map(json.dumps, rows)).encode()
    assert len(read_problem_file(data, "p.jsonl", mapping).problems) == 2
    assert time.process_time() - start < 5


def test_a_line_of_fifty_megabytes_is_one_refused_row() -> None:
    good = b'{"question": "1 + 1?", "answer": "2"}\n'
    line = b'{"question": "' + b"x" * (50 * 1024**2 - 2 * len(good) - 20) + b'"}\n'
    found = read_problem_file(good + line + good, "p.jsonl")
    assert len(found.problems) == 2
    ((row, reason),) = [(refusal.row, refusal.reason) for refusal in found.refused]
    assert row == 2
    assert reason.endswith("characters, and 100,000 are allowed")
