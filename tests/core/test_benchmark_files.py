"""The published benchmark files themselves: every row read, every gold answer understood."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.answers import AnswerChecker
from core.problems.reading import read_problem_file
from core.problems.table import Gold
from core.records import Problem, Verdict

DATA = Path(__file__).parents[2].parent / "shared" / "data"
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"the benchmark files are not here: no folder {DATA}"
)
SHIFTS = (1, 7, 50)  # which other row's gold answer a row gets


@pytest.fixture(scope="module")
def gsm8k() -> list[Problem]:
    return read_problem_file(DATA / "gsm8k_test.jsonl").problems


@pytest.fixture(scope="module")
def math500() -> list[Problem]:
    return read_problem_file(DATA / "math500_test.jsonl").problems


def golds(problems: list[Problem]) -> list[str]:
    assert all(problem.answer for problem in problems)
    return [problem.answer or "" for problem in problems]


def test_every_row_of_gsm8k_is_read() -> None:
    table = read_problem_file(DATA / "gsm8k_test.jsonl")
    assert (table.shape, table.kind, len(table.problems), table.refused) == (
        "GSM8K", "JSON lines", 1_319, [],
    )  # fmt: skip
    assert table.mapping.gold is Gold.AFTER_HASHES
    assert all(re.fullmatch(r"-?[\d,]+", gold) for gold in golds(table.problems))
    first = table.problems[0]
    assert (first.id, first.answer) == ("gsm8k_test-1", "18")
    assert first.question.startswith("Janet’s ducks lay 16 eggs per day.")


def test_every_row_of_math500_is_read() -> None:
    table = read_problem_file(DATA / "math500_test.jsonl")
    assert (table.shape, len(table.problems), table.refused) == ("reference code records", 500, [])
    first = table.problems[0]
    assert first.id == "math500/test/test/precalculus/807.json"
    assert first.answer == r"\left( 3, \frac{\pi}{2} \right)"
    assert first.family == "Precalculus"
    assert len({problem.family for problem in table.problems}) == 7


def test_every_gsm8k_gold_is_right_for_its_row_and_wrong_for_others(gsm8k: list[Problem]) -> None:
    with AnswerChecker() as checker:
        assert_right_for_their_own_rows_only(checker, golds(gsm8k))


def test_every_math500_gold_is_right_for_its_row_and_wrong_for_others(
    math500: list[Problem],
) -> None:
    with AnswerChecker() as checker:
        checks = assert_right_for_their_own_rows_only(checker, golds(math500))
    assert checks > 1_900


def assert_right_for_their_own_rows_only(checker: AnswerChecker, answers: list[str]) -> int:
    """Returns the number of checks."""
    verdicts = checker.check_many(zip(answers, answers, strict=True))
    assert [a for a, v in zip(answers, verdicts, strict=True) if v != Verdict.CORRECT] == []
    checks = len(answers)
    for shift in SHIFTS:
        others = answers[shift:] + answers[:shift]
        pairs = [
            pair for pair in zip(others, answers, strict=True) if value(pair[0]) != value(pair[1])
        ]
        assert len(pairs) > 0.9 * len(answers)
        verdicts = checker.check_many(pairs)
        assert [p for p, v in zip(pairs, verdicts, strict=True) if v != Verdict.WRONG] == []
        checks += len(pairs)
    return checks


def value(gold: str) -> str:
    """What a gold answer comes down to, found by other means than the checker's: as it is written
    on the right of its last equals sign, without spaces, signs of layout, currency and unit."""
    gold = re.sub(r"\\(?:left|right|,|!|\$)|\^\\circ|\\%|[\s,$]", "", gold).replace("dfrac", "frac")
    return re.sub(r"\\(?:text|mbox)\{[^{}]*\}.*$", "", gold).rpartition("=")[2] or gold
