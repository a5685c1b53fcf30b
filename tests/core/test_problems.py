"""Problem sets: JSONL in and out; a set is read whole, or the mistake is named with its line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.errors import ProblemError
from core.problems import reading
from core.problems.problem_sets import (
    find_problem,
    parse_problems,
    read_problems,
    write_problems,
)
from core.records import Problem

GOOD = b'{"question": "1 + 1?", "answer": "2"}\n'


def test_a_line_is_a_problem() -> None:
    data = (
        b'{"id": "a", "question": "1 + 1?", "answer": "2", "source": "made", "family": "sums"}\n'
        b'{"question": "2 + 2?", "other": [1]}\n'
    )
    assert parse_problems(data, "folder/sums.jsonl") == [
        Problem("a", "1 + 1?", "2", "made", "sums"),
        Problem("sums-2", "2 + 2?", None),
    ]


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        ("72", "72"),
        ("72.50", "72.50"),
        ("-1e3", "-1e3"),
        ("9" * 5_000, "9" * 5_000),
        ('"x"', "x"),
        ("null", None),
    ],
)
def test_a_number_is_kept_as_it_was_written(written: str, answer: str | None) -> None:
    line = f'{{"id": 7, "question": "?", "answer": {written}}}'
    assert parse_problems(line.encode(), "p.jsonl") == [Problem("7", "?", answer)]


def test_byte_order_mark_blank_lines_and_windows_line_ends_are_accepted() -> None:
    data = b"\xef\xbb\xbf\r\n" + GOOD.replace(b"\n", b"\r\n") + b"  \r\n\n" + GOOD.strip()
    assert [problem.id for problem in parse_problems(data, "p.jsonl")] == ["p-2", "p-5"]


def test_a_line_separator_inside_a_question_ends_no_line() -> None:
    data = '{"question": "a\u2028b\u0085c"}\n{"question": "d"}'.encode()
    assert [problem.question for problem in parse_problems(data, "p")] == ["a\u2028b\u0085c", "d"]


@pytest.mark.parametrize(
    ("data", "where", "reason"),
    [
        (GOOD + b"{broken\n", "p.jsonl, line 2", "JSON is broken at column 2"),
        (b"\n" + GOOD + b'"text"', "p.jsonl, line 3", "not a JSON object"),
        (GOOD + b'[{"question": "1"}]', "p.jsonl, line 2", "not a JSON object"),
        (b'{"question": "?", "answer": NaN}', "p.jsonl, line 1", "NaN is not a number"),
        (b"[" * 200_000, "p.jsonl, line 1", "nested too deeply"),
        (GOOD + b'{"answer": "2"}', "p.jsonl, line 2", "question is missing"),
        (b'{"question": null}', "p.jsonl, line 1", "question is missing"),
        (b'{"question": " \\n"}', "p.jsonl, line 1", "question is empty"),
        (b'{"question": 5}', "p.jsonl, line 1", "question is empty or no text"),
        (b'{"question": ["a"]}', "p.jsonl, line 1", "question is neither text nor a number"),
        (GOOD + b'{"question": "a", "answer": ["2"]}', "p.jsonl, line 2", "answer is neither"),
        (b'{"question": "a", "answer": true}', "p.jsonl, line 1", "answer is neither"),
        (b'{"question": "\\ud800"}', "p.jsonl, line 1", "invalid character"),
        (
            b'{"id": "a", "question": "1"}\n\n{"id": "a", "question": "2"}',
            "p.jsonl, line 3",
            "'a' was already used on line 1",
        ),
        (
            b'{"id": "p-2", "question": "1"}\n{"question": "2"}',
            "p.jsonl, line 2",
            "'p-2' was already used on line 1",
        ),
        (GOOD + GOOD + b'{"question": "\xff"}', "p.jsonl, line 3", "not UTF-8"),
        ('{"question": "1"}'.encode("utf-16"), "p.jsonl, line 1", "not UTF-8"),
        (b"", "p.jsonl", "no problems"),
        (b"\n \r\n", "p.jsonl", "no problems"),
    ],
)
def test_a_mistake_is_named_with_its_line(data: bytes, where: str, reason: str) -> None:
    with pytest.raises(ProblemError) as caught:
        parse_problems(data, "p.jsonl")
    assert caught.value.what.startswith(where)
    assert reason in caught.value.what
    assert caught.value.remedy


def test_a_file_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert reading.MAX_BYTES == 50 * 1024 * 1024
    monkeypatch.setattr(reading, "MAX_BYTES", len(GOOD))
    (tmp_path / "fits.jsonl").write_bytes(GOOD)
    (tmp_path / "large.jsonl").write_bytes(GOOD + b"\n")
    assert len(read_problems(tmp_path / "fits.jsonl")) == 1
    with pytest.raises(ProblemError, match=r"large\.jsonl has .* MB"):
        read_problems(tmp_path / "large.jsonl")
    with pytest.raises(ProblemError, match="upload"):
        parse_problems(GOOD + b"\n", "upload")


def test_a_path_that_is_no_readable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProblemError, match="does not exist"):
        read_problems(tmp_path / "missing.jsonl")
    with pytest.raises(ProblemError, match="is a folder"):
        read_problems(tmp_path)
    with pytest.raises(ProblemError):
        read_problems("null\0character")


def test_what_was_written_is_read(tmp_path: Path) -> None:
    problems = [Problem("a", "1 < 2?\n", "yes", "s", "f"), Problem("b", "2×2 = ?", None)]
    path = tmp_path / "new" / "set.jsonl"
    write_problems(path, problems)
    write_problems(path, problems)
    assert read_problems(path) == problems
    assert json.loads(path.read_text("utf-8").splitlines()[1]) == {
        "id": "b",
        "question": "2×2 = ?",
        "source": "",
        "family": "",
    }
    assert os.listdir(path.parent) == ["set.jsonl"]


def test_a_place_that_cannot_be_written_is_a_problem_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ProblemError, match="can't be written"):
        write_problems(tmp_path / "file" / "set.jsonl", [Problem("a", "1")])
    with pytest.raises(ProblemError, match="can't be written"):
        write_problems(tmp_path / "set.jsonl", [Problem("a", "\ud800")])
    assert os.listdir(tmp_path) == ["file"]


texts = st.text(st.characters(exclude_categories=["Cs"]))


@settings(deadline=None)
@given(
    st.lists(
        st.builds(
            Problem,
            texts.filter(bool),
            texts.filter(lambda question: bool(question.strip())),
            st.none() | texts,
            texts,
            texts,
        ),
        min_size=1,
        unique_by=lambda problem: problem.id,
    )
)
def test_any_problems_survive_the_round_trip(
    tmp_path_factory: pytest.TempPathFactory, problems: list[Problem]
) -> None:
    path = tmp_path_factory.getbasetemp() / "round_trip.jsonl"
    write_problems(path, problems)
    assert read_problems(path) == problems


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
keys = st.sampled_from(["id", "question", "problem", "answer", "source", "family"])


@example(b"\xef\xbb\xbf")
@example(b"\xff\xfe")
@example(b'{"question": "\x00"}')
@given(
    st.binary()
    | st.lists(st.dictionaries(keys, json_values, max_size=4).map(json.dumps), max_size=4).map(
        lambda lines: "\n".join(lines).encode()
    )
)
def test_any_bytes_are_problems_or_a_problem_error(data: bytes) -> None:
    try:
        problems = parse_problems(data, "upload.jsonl")
    except ProblemError:
        return
    assert problems
    assert all(problem.id and problem.question.strip() for problem in problems)
    assert len({problem.id for problem in problems}) == len(problems)


def test_a_problem_is_found_by_its_id() -> None:
    problems = [Problem(f"sum-{n}", "?") for n in range(20)]
    assert find_problem(problems, "sum-7") is problems[7]
    with pytest.raises(ProblemError, match=r"no problem with the id 'sun-7'.*sum-7"):
        find_problem(problems, "sun-7")
    with pytest.raises(ProblemError, match=r"The first ids: sum-0, sum-1, sum-2\."):
        find_problem(problems, "@@@@")
    with pytest.raises(ProblemError, match="empty"):
        find_problem([], "a")
