"""The published benchmark files themselves: every row read, every gold answer understood."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
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
def checker() -> Iterator[AnswerChecker]:
    with AnswerChecker() as checker:
        yield checker


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


def test_every_gsm8k_gold_equals_itself(checker: AnswerChecker, gsm8k: list[Problem]) -> None:
    pairs = [(gold, gold) for gold in golds(gsm8k)]
    assert set(checker.check_many(pairs)) == {Verdict.CORRECT}


def test_every_math500_gold_equals_itself(checker: AnswerChecker, math500: list[Problem]) -> None:
    answers = golds(math500)
    verdicts = checker.check_many(zip(answers, answers, strict=True))
    others = {a: str(v) for a, v in zip(answers, verdicts, strict=True) if v != Verdict.CORRECT}
    assert others == {}  # at least 99.5 % are asked for; what is not right would be listed here


@pytest.mark.parametrize("shift", SHIFTS)
def test_the_gold_of_another_row_is_wrong(
    checker: AnswerChecker, gsm8k: list[Problem], math500: list[Problem], shift: int
) -> None:
    for problems in (gsm8k, math500):
        answers = golds(problems)
        others = answers[shift:] + answers[:shift]
        pairs = [
            pair for pair in zip(others, answers, strict=True) if value(pair[0]) != value(pair[1])
        ]
        assert len(pairs) > 0.9 * len(answers)
        verdicts = checker.check_many(pairs)
        assert [p for p, v in zip(pairs, verdicts, strict=True) if v != Verdict.WRONG] == []


def value(gold: str) -> str:
    """What a gold answer comes down to, found by other means than the checker's: as it is written
    on the right of its last equals sign, without spaces, signs of layout, currency and unit."""
    gold = re.sub(r"\\(?:left|right|,|!|\$)|\^\\circ|\\%|[\s,$]", "", gold).replace("dfrac", "frac")
    return re.sub(r"\\(?:text|mbox)\{[^{}]*\}.*$", "", gold).rpartition("=")[2] or gold


def test_two_thousand_checks_take_less_than_a_minute(math500: list[Problem]) -> None:
    answers = golds(math500)
    pairs = [
        (other, gold)
        for shift in (0, *SHIFTS)
        for other, gold in zip(answers[shift:] + answers[:shift], answers, strict=True)
    ]
    with AnswerChecker() as checker:  # a new process, its start included
        start = time.perf_counter()
        verdicts = checker.check_many(pairs)
        took = time.perf_counter() - start
    print(f"{len(verdicts):,} checks of MATH-500 answers in {took:.1f} s")
    assert len(verdicts) == 2_000
    assert took < 60
