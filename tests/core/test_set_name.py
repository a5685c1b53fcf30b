"""The name of a problem set, from its problems alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.problems.problem_sets import NAMED_SETS, read_problems
from core.problems.set_name import OWN_PROBLEMS, set_name, set_with
from core.records import Problem


@pytest.mark.parametrize("name", NAMED_SETS)
def test_a_part_of_a_set_that_comes_along_has_its_name(name: str) -> None:
    problems = read_problems(name)
    assert set_name(problems) == name
    assert set_name(problems[3:9]) == name


def test_an_edited_copy_is_another_set() -> None:
    problems = [replace(each, source="") for each in read_problems("demo")[:3]]
    assert set_name([*problems[:2], replace(problems[2], question="What is 1 + 1?")]) != "demo"


@pytest.mark.parametrize(
    ("ids", "name"),
    [
        (["gsm8k-1", "gsm8k-22"], "gsm8k"),
        (["single12_few.jsonl:3", "single12_few.jsonl:4"], "single12_few.jsonl"),
        (["mawps 7", "mawps 9"], "mawps"),
        (["a1", "b2"], OWN_PROBLEMS),
        (["one", "two"], OWN_PROBLEMS),
        (["1", "2"], OWN_PROBLEMS),
    ],
)
def test_numbered_ids_give_their_common_beginning(ids: list[str], name: str) -> None:
    assert set_name([Problem(each, "How many?") for each in ids]) == name


def test_a_common_source_is_a_name() -> None:
    both = [Problem("a1", "x", source="MATH-500"), Problem("b2", "y", source="MATH-500")]
    assert set_name(both) == "MATH-500"
    assert set_name([both[0], replace(both[1], source="AIME")]) == OWN_PROBLEMS
    assert set_name([]) == ""
    assert set_with([]) is None


def test_a_set_is_not_the_explorer_s_for_what_its_problems_say_of_themselves() -> None:
    problem = Problem("1", "How many?", source="demo")
    assert set_name([problem]) == "demo"
    assert set_with([problem]) is None
