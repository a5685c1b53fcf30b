"""The word problems: right, readable, and nothing of the test set seen in training."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from core.answers.checker import default_checker
from core.problems.problem_sets import (
    NAMED_SETS,
    WORD_PROBLEMS,
    WORD_TRAINING_PROBLEMS,
    problem_file,
    read_problems,
)
from core.problems.reading import read_problem_file
from core.records import Problem, Verdict
from core.tokens.prompts import prompt_text

FOLDER = WORD_PROBLEMS.parent
BUILD = FOLDER.parent / "build"
OPERATIONS = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide"}

Row = dict[str, Any]


def rows(name: str) -> list[Row]:
    """The lines of one of the folder's files."""
    return [json.loads(line) for line in (FOLDER / name).read_text("utf-8").splitlines()]


TRAIN, TEST, FEW_SHOT = rows("train.jsonl"), rows("test.jsonl"), rows("few_shot.jsonl")


@pytest.fixture(scope="module")
def wordings() -> Any:
    """The package of the wordings, which stands outside what is installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BUILD)
        yield importlib.import_module("wordings")


def evaluated(expression: str) -> Fraction:
    """The value of an expression by rewriting its text: parentheses, then * and /, then + and -."""
    number = r"(-?\d+(?:/\d+)?)"
    while inner := re.search(r"\(([^()]*)\)", expression):
        expression = expression.replace(inner[0], str(evaluated(inner[1])))
    for signs in (r"\*|/", r"\+|-"):
        while found := re.search(rf"{number} ({signs}) {number}", expression):
            left, sign, right = Fraction(found[1]), found[2], Fraction(found[3])
            if sign == "/":
                value = left / right
            elif sign == "*":
                value = left * right
            else:
                value = left + (right if sign == "+" else -right)
            expression = expression[: found.start()] + str(value) + expression[found.end() :]
    return Fraction(expression)


def numbers(text: str) -> list[int]:
    """The numbers that stand in a text, in its order."""
    return [int(digits) for digits in re.findall(r"\d+", text)]


@pytest.mark.parametrize(
    ("expression", "value"),
    [("8 + 9", 17), ("34 - 8 * 3", 10), ("20 - 5 - 3", 12), ("(37 + 11) / 6", 8), ("7 / 2", 3.5)],
)
def test_the_evaluation_below_keeps_the_rules_of_arithmetic(expression: str, value: float) -> None:
    assert evaluated(expression) == Fraction(value)


def test_there_are_600_problems_on_five_levels() -> None:
    assert Counter(row["level"] for row in TRAIN) == dict.fromkeys(range(1, 6), 60)
    assert Counter(row["level"] for row in TEST) == dict.fromkeys(range(1, 6), 60)


def test_the_answer_is_the_value_of_the_expression() -> None:
    for row in TRAIN + TEST + FEW_SHOT:
        value = evaluated(row["expression"])
        assert row["answer"] == str(value), row["id"]
        assert value.denominator == 1, row["id"]
        assert value > 0, row["id"]
        assert value not in numbers(row["question"]), "copying a number is never right"


def test_every_number_of_the_question_counts_but_for_one_on_level_5() -> None:
    for row in TRAIN + TEST:
        asked, used = Counter(numbers(row["question"])), Counter(numbers(row["expression"]))
        assert not used - asked, row["id"]
        assert (asked - used).total() == (row["level"] == 5), row["id"]
        assert max(asked.values()) == 1, row["id"]
        assert used.total() == (2 if row["level"] <= 3 else 3), row["id"]


def test_the_family_names_the_operations() -> None:
    for row in TRAIN + TEST:
        operations = {OPERATIONS[sign] for sign in re.findall(r"[-+*/]", row["expression"])}
        assert set(row["family"].split(", ")) == operations, row["id"]
        assert len(row["family"].split(", ")) == (1 if row["level"] <= 3 else 2), row["id"]


def test_no_question_occurs_twice() -> None:
    questions = [row["question"] for row in TRAIN + TEST + FEW_SHOT]
    assert len(set(questions)) == len(questions) == 608
    ids = [row["id"] for row in TRAIN + TEST + FEW_SHOT]
    assert len(set(ids)) == len(ids)


def test_train_test_and_examples_share_no_set_of_numbers() -> None:
    train, test, shown = (
        {tuple(sorted(numbers(row["question"]))) for row in each}
        for each in (TRAIN, TEST, FEW_SHOT)
    )
    assert not train & test
    assert not (train | test) & shown


def pattern_of(wording: str) -> re.Pattern[str]:
    """What the questions of a wording look like: its own words, and something for each field."""
    literal = re.split(r"\{[^{}]*\}", wording)
    return re.compile("[^.,?]+".join(map(re.escape, literal)))


def test_every_question_is_of_a_wording_of_its_own_split(wordings: Any) -> None:
    for split, problems in (("train", TRAIN), ("test", TEST)):
        own = [pattern_of(text) for group in wordings.GROUPS for text in getattr(group, split)]
        fitting = Counter(
            next(n for n, pattern in enumerate(own) if pattern.fullmatch(row["question"]))
            for row in problems
        )
        assert len(fitting) == 75
        assert set(fitting.values()) == {4}


def phrases(text: str) -> set[tuple[str, ...]]:
    """Runs of three words; a field of a wording counts as a word."""
    words = re.findall(r"\{\w+|\w+", text.lower())
    return set(zip(words, words[1:], words[2:], strict=False))


def likeness(one: str, other: str) -> float:
    """The share of all phrases of two wordings that both have."""
    first, second = phrases(one), phrases(other)
    return len(first & second) / len(first | second)


def test_no_wording_of_the_test_set_is_like_one_of_the_training_set(wordings: Any) -> None:
    examples = importlib.import_module("wordings.few_shot").FEW_SHOT
    train = [text for group in wordings.GROUPS for text in group.train]
    test = [text for group in wordings.GROUPS for text in group.test]
    assert len({*train, *test}) == 150
    closest = max((likeness(a, b), a, b) for a in train for b in test)
    assert closest[0] < 0.25, closest
    shown = max((likeness(a, question), a) for a in train + test for question, *_ in examples)
    assert shown[0] < 0.25, shown


def counted_words(wordings: Any) -> dict[str, str]:
    """Singular to plural, of all that is counted or agrees with a number in any wording."""
    things = importlib.import_module("wordings.words").THINGS
    texts = [text for group in wordings.GROUPS for text in group.train + group.test]
    pairs = [pair for kind in things.values() for pair in kind.split(", ")]
    pairs += [pair for text in texts for pair in re.findall(r"\{\w [^{}]+?/[^{}]+\}", text)]
    split = (re.sub(r"^\{\w |\}$", "", pair).split("/") for pair in pairs)
    return {one: many for one, many in split if one != many}


def test_nouns_agree_with_their_numbers(wordings: Any) -> None:
    nouns = counted_words(wordings)
    assert len(nouns) > 50
    assert {"page", "dollar", "goose", "strawberry"} <= set(nouns)
    checked: Counter[bool] = Counter()
    for row in TRAIN + TEST:
        for one, many in nouns.items():
            for digits in re.findall(rf"\b(\d+) {one}\b(?! trees)", row["question"]):
                assert digits == "1", row["question"]
                checked[True] += 1
            for digits in re.findall(rf"\b(\d+) {many}\b", row["question"]):
                assert digits != "1", row["question"]
                checked[False] += 1
    assert checked[True] >= 5
    assert checked[False] >= 300


def test_verbs_and_articles_agree() -> None:
    for row in TRAIN + TEST + FEW_SHOT:
        question = row["question"]
        assert re.fullmatch(r"[A-Z0-9][^{}]*[a-z0-9,.']\?", question), question
        assert not re.search(r"\b1 (more |of them )?(come|get|are|have|burst)\b", question), (
            question
        )
        assert not re.search(r"\b(?!1\b)\d+ more (comes|gets)\b", question), question
        assert not re.search(r"\b(a|an) [aeio]\w*s\b|\ba [aeio]|\ban (?!hour)[^aeiou]", question), (
            question
        )
        assert "  " not in question
        assert question.isascii()


def test_the_generator_makes_the_same_bytes_again(tmp_path: Path) -> None:
    command = [sys.executable, str(BUILD / "word_problems.py"), "--out", str(tmp_path)]
    subprocess.run(command, check=True, timeout=120)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert made == {
        name: (FOLDER / name).read_bytes()
        for name in ("train.jsonl", "test.jsonl", "few_shot.jsonl", "template.txt")
    }


def test_the_files_are_read_whole_and_their_golds_understood() -> None:
    for path, own in ((WORD_PROBLEMS, TEST), (WORD_TRAINING_PROBLEMS, TRAIN)):
        found = read_problem_file(path)
        assert not found.refused
        assert not found.warnings
        assert found.problems == [
            Problem(row["id"], row["question"], row["answer"], row["source"], row["family"])
            for row in own
        ]
        boxed = [(f"\\boxed{{{each.answer}}}.", each.answer) for each in found.problems]
        outcomes = default_checker().judge_many(boxed)
        assert {outcome.verdict for outcome in outcomes} == {Verdict.CORRECT}


def test_every_example_reasons_to_its_boxed_answer() -> None:
    assert len(FEW_SHOT) == 8
    for row in FEW_SHOT:
        *sentences, box = row["solution"].split(". ")
        assert 1 <= len(sentences) <= 2
        assert box == f"\\boxed{{{row['answer']}}}."
        for left, right in re.findall(r"(\d+ [-+*/] \d+) = (\d+)", row["solution"]):
            assert evaluated(left) == int(right)
        assert numbers(row["solution"])[-2:] == [int(row["answer"])] * 2
        outcome = default_checker().judge(row["solution"], row["answer"])
        assert (outcome.verdict, outcome.boxed) == (Verdict.CORRECT, True)


def test_the_template_is_four_examples_in_the_form_of_the_question() -> None:
    template = (FOLDER / "template.txt").read_text("utf-8")
    parts = [f"Question: {row['question']}\nAnswer: {row['solution']}" for row in FEW_SHOT[:4]]
    assert prompt_text("What is it?", "plain", template) == "\n\n".join(
        [*parts, "Question: What is it?\nAnswer:"]
    )


def test_a_set_is_read_by_its_name_unless_a_file_has_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, path in NAMED_SETS.items():
        assert read_problems(name) == read_problems(path)
    assert problem_file("word problems") == Path("word problems")
    (tmp_path / "word-problems-train").mkdir()
    assert problem_file("word-problems-train") == WORD_TRAINING_PROBLEMS
    (tmp_path / "word-problems").write_text('{"question": "2 + 2?", "answer": "4"}\n')
    (own,) = read_problems("word-problems")
    assert own.question == "2 + 2?"
