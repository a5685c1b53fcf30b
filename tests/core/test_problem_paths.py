"""Values inside columns: every path that is written is read back, and finds its value."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ProblemError
from core.problems.paths import Step, offered, steps, value_at, written
from core.problems.table import Rows

STEPS = st.text(min_size=0, max_size=8) | st.sampled_from(["a.b", "[0]", '"', "\\", "a", "b.c[1]"])


@given(
    st.tuples(STEPS, st.lists(STEPS | st.integers(-999_999, 999_999), max_size=6)),
    st.lists(STEPS, max_size=3),
)
def test_a_path_that_is_written_is_read_back(
    path: tuple[str, list[Step]], others: list[str]
) -> None:
    first, rest = path
    columns = (first, *others)
    whole: tuple[Step, ...] = (first, *rest)
    name = written(whole, columns)
    assert steps(name, columns) == whole


@given(st.text(max_size=60))
def test_any_text_is_a_path_or_a_problem_error(text: str) -> None:
    try:
        found = steps(text, ())
    except ProblemError:
        return
    assert isinstance(found[0], str)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("a", {"b": [10, {"c": "deep"}], "d.e": 5}),
        ("a.b[0]", 10),
        ("a.b[-1].c", "deep"),
        ('a["b"][1]["c"]', "deep"),
        ('a["d.e"]', 5),
        ("a.d.e", None),
        ("a.b[2]", None),
        ("a.b.c", None),
        ("a[0]", None),
        ("x.y", "a column of that name"),
        ('x["y"]', "inside"),
        ("x y (z)", 7),
    ],
)
def test_a_path_leads_to_its_value(name: str, value: Any) -> None:
    row = {
        "a": {"b": [10, {"c": "deep"}], "d.e": 5},
        "x.y": "a column of that name",
        "x": {"y": "inside"},
        "x y (z)": 7,
    }
    assert value_at(row, steps(name, tuple(row))) == value


def test_what_is_offered_is_every_column_and_the_leaves_inside() -> None:
    row = {
        "prompt": [{"role": "user", "content": "1 + 1?"}],
        "reward_model": {"style": "rule", "ground_truth": {"target": ["2"]}},
        "x.y": 1,
        "x": {"y": 2, "p.q": 3},
        "list": [1, 2],
    }
    found = offered(Rows("", "", "", tuple(row), ((1, row), (2, {"x": {"late": 1}}))))
    assert found == (
        "prompt",
        "prompt[0].content",
        "prompt[-1].content",
        "reward_model",
        "reward_model.style",
        "reward_model.ground_truth.target",
        "x.y",
        "x",
        '["x"]["y"]',
        'x["p.q"]',
        "x.late",
        "list",
    )
    for name in found:
        assert value_at(row, steps(name, tuple(row))) is not None or name == "x.late"


def test_few_paths_are_offered_of_ten_thousand() -> None:
    row: dict[str, Any] = {
        f"c{n}": {f"k{m}": {f"l{k}": 1 for k in range(60)} for m in range(60)} for n in range(100)
    }
    found = offered(Rows("", "", "", tuple(row), ((1, row),)))
    assert len(found) == 300
    assert set(row) <= set(found)
