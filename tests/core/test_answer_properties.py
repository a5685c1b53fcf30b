"""What holds of every answer: one gold answer at most, symmetry, transitivity, its own reading."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations, pairwise, permutations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.answers import AnswerChecker, default_checker
from core.evaluation.sampling import votes
from core.records import Outcome, Verdict

PIECES = [
    "5", "6", "2", "12", "0.5", "1/2", "1,000", "50", "%", r"\%", "x", "y", "a", "i", "e", "=",
    "(", ")", ",", ", ", ";", " or ", " and ", r"\{", r"\}", "[", "]", "+", "-", "^", "_", "!", "|",
    r"\frac{1}{2}", r"\frac12", r"\pi", r"\sqrt{2}", " cm", " km", " m", "$", r"\$", " dollars",
    "A", "B", "(A)", "yes", "no", "not ", r"\text{", "{", "}", r"\infty", "<", ">", r"\le ", ".",
    r"\pm ", r"\cup ", "°", "10^3", " thousand", r"\approx ", "**", "/", ":", "\n", " ", "−", "½",
    "²", r"\cdot ", r"\sin ", "two", " apples", r"\begin{pmatrix}", r"\end{pmatrix}", "&", r"\\",
]  # fmt: skip
SOUP = st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map("".join)

GOLDS = [
    "5", "6", "-5", "12", "1/2", "7", "1000", r"\pi", r"\sqrt{2}", "A", "B", "(5, 6)", "(6, 5)",
    r"\{5, 6\}", r"\{5, 6, 7\}", "[5, 6]", "[5, 6)", "x + 1", "x^2", "2x", "x - y", "yes", "no",
    "204_5", "6:30", r"\infty", "5i", r"x^2 + y^2 = 25", "x \\ge 5", "5!", r"2^{99}", r"2^{98}",
    r"\begin{pmatrix} 5 \\ 6 \end{pmatrix}", "new york", r"\emptyset", "II",
]  # fmt: skip
"""Answers of every kind, no two of them equal."""

DRESSES: list[Callable[[str], str]] = [
    lambda gold: gold,
    lambda gold: f"${gold}$",
    lambda gold: f"\\({gold}\\)",
    lambda gold: f"\\displaystyle {gold}",
    lambda gold: f"\\boxed{{{gold}}}",
    lambda gold: f"{{{gold}}}",
    lambda gold: f"\\Large{{{gold}}}",
    lambda gold: f"\\color{{red}}{{{gold}}}",
    lambda gold: f"\\, {gold} \\;",
    lambda gold: f"**{gold}**",
    lambda gold: f"{gold}.",
    lambda gold: f"\n{gold}\n",
    lambda gold: f"\\text{{The answer is }} {gold}",
    lambda gold: f"\ufeff{gold}\u200b",
    lambda gold: gold.replace("-", "−"),
    lambda gold: gold.replace("(", r"\bigl(").replace(")", r"\bigr)"),
    lambda gold: gold.replace("^2", "²"),
    lambda gold: "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in gold),
]
"""Ways to write an answer that don't change it."""


@pytest.fixture(scope="module")
def checker() -> Iterator[AnswerChecker]:
    with AnswerChecker() as checker:
        yield checker


def test_every_gold_is_right_for_itself_and_for_no_other(checker: AnswerChecker) -> None:
    assert set(checker.check_many((gold, gold) for gold in GOLDS)) == {Verdict.CORRECT}
    pairs = list(permutations(GOLDS, 2))
    verdicts = checker.check_many(pairs)
    assert [pair for pair, verdict in zip(pairs, verdicts, strict=True) if verdict != "wrong"] == []


def test_no_dress_changes_what_an_answer_says(checker: AnswerChecker) -> None:
    dressed = [(dress(gold), gold) for gold in GOLDS for dress in DRESSES]
    verdicts = checker.check_many(dressed)
    assert [pair for pair, v in zip(dressed, verdicts, strict=True) if v != "correct"] == []
    others = [(dress(a), b) for a, b in pairwise(GOLDS) for dress in DRESSES]
    verdicts = checker.check_many(others)
    assert [pair for pair, v in zip(others, verdicts, strict=True) if v == "correct"] == []


@example("5 or 6")
@example(r"5\boxed{6}")
@example("5, 6")
@settings(deadline=None, max_examples=150)
@given(SOUP)
def test_no_answer_is_right_for_two_golds_that_differ(answer: str) -> None:
    verdicts = default_checker().check_many((answer, gold) for gold in GOLDS)
    right = [gold for gold, verdict in zip(GOLDS, verdicts, strict=True) if verdict == "correct"]
    assert len(right) <= 1, right


@settings(deadline=None, max_examples=100)
@given(SOUP)
def test_no_text_is_right_for_two_golds_that_differ(text: str) -> None:
    outcomes = default_checker().judge_many((f"so it is {text}", gold) for gold in GOLDS)
    right = [gold for gold, o in zip(GOLDS, outcomes, strict=True) if o.verdict == "correct"]
    assert len(right) <= 1, right


@settings(deadline=None, max_examples=150)
@given(SOUP, SOUP | st.sampled_from(GOLDS))
def test_being_right_is_symmetric(a: str, b: str) -> None:
    checker = default_checker()
    assert (checker.check(a, b) == "correct") == (checker.check(b, a) == "correct")


FORMS = [
    "1/3", "0.333333", r"\frac13", "2/6", "50", "50%", "0.5", "1/2", "50 cm", "50 m", "$50",
    "x = 50",
    "y = 50", "101_2", "5", "5_{10}", "101", "(1, 2)", "1 < x < 2", "(x, y) = (1, 2)",
    "x = 1, y = 2",
    "1, 2", r"\{2, 1\}", "x = 1 or x = 2", "x_1 = 1, x_2 = 2", "2x + 3", "y = 2x + 3", "3 + 2x",
    "2x - y + 3 = 0", "y - 2x = 3", "B", "(B)", "b", "B) 12", "12", r"\frac{24}{2}", "twelve",
    "6:30", "6:30 pm", r"\sqrt{8}", r"2\sqrt2", r"\pm 2", "2, -2", "-2, 2", r"\sin 2x",
    r"2 \sin x \cos x", "x > 2", r"(2, \infty)", r"\{5\}",
]  # fmt: skip


def test_being_the_same_is_symmetric_and_transitive(checker: AnswerChecker) -> None:
    pairs = [(a, b) for a in FORMS for b in FORMS]
    same = dict(zip(pairs, checker.same_many(pairs), strict=True))
    assert all(same[a, a] for a in FORMS)
    assert all(same[a, b] == same[b, a] for a, b in pairs)
    for a, b, c in permutations(FORMS, 3):
        assert not (same[a, b] and same[b, c]) or same[a, c], (a, b, c)
    assert same["50 cm", "50 m"]  # samples of one problem mean the same unit
    assert same["50%", "0.5"]
    assert not same["50%", "50"]
    assert not same["1/3", "0.333333"]


def test_a_vote_depends_on_no_order(checker: AnswerChecker) -> None:
    answers = ["0.5", "50%", "50", "1/2", r"\frac12", "50 cm"]
    groups = set()
    for order in list(permutations(answers))[::37]:
        found = votes([Outcome(answer, Verdict.WRONG, True) for answer in order])
        pairs = combinations(sorted(zip(order, found, strict=True)), 2)
        groups.add(frozenset((a, b) for (a, one), (b, other) in pairs if one == other))
    assert len(groups) == 1


@settings(deadline=None, max_examples=100)
@given(SOUP)
def test_whether_a_gold_can_be_read_depends_on_the_gold_alone(gold: str) -> None:
    answers = ["5", "x + 1", "yes", "(5, 6)", r"\frac{", None, gold, "B", r"\sqrt 2"]
    verdicts = default_checker().check_many((answer, gold) for answer in answers)
    assert len({verdict == "no_gold" for verdict in verdicts}) == 1
    if verdicts[0] != "no_gold":
        assert verdicts[answers.index(gold)] in ("correct", "wrong", "timed_out")


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=80))
def test_any_text_is_judged_and_explained(text: str) -> None:
    outcome = default_checker().judge(text, "5")
    why = outcome.explanation
    assert why is not None
    assert why.rule
    if why.span is not None:
        assert text[slice(*why.span)] == (outcome.answer or "")
