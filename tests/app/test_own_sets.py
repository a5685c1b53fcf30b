"""The sets that the app offers without an upload."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from core.problems.problem_sets import NAMED_SETS, read_problems
from core.records import Problem
from explorer.shared.problem_sets import problem_sets, training_sets


def test_the_demos_sets_come_first_then_the_word_problems_then_uploads() -> None:
    own = [Problem("m", "2 + 2?", "4")]
    state: Any = SimpleNamespace(opened=SimpleNamespace(problem_sets={"mine.jsonl": own}))
    measured, learned = problem_sets(state), training_sets(state)
    assert list(measured) == ["Demo problems", "Word problems (test)", "mine.jsonl"]
    assert list(learned) == ["Demo training problems", "Word problems (train)", "mine.jsonl"]
    assert measured["Word problems (test)"] == read_problems(NAMED_SETS["word-problems"])
    assert learned["Word problems (train)"] == read_problems(NAMED_SETS["word-problems-train"])
