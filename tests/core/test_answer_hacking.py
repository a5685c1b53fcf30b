"""Answers as a model would write them that learned what the checker rewards: none is right."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import reduce
from operator import truediv

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from core.answers import AnswerChecker, default_checker

NUMBER_HACKS = [
    "{g} or {o}", "{o} or {g}", "{g} {o}", "{g}, {o}", "{g}; {o}", "{g}/{o}", "{g} and {o}",
    "{g}-{o}", "{g} to {o}", "from {o} to {g}", "between {o} and {g}", "[{o}, {g}]", "({o}, {g})",
    r"\{{{o}, {g}\}}", "x = {g}, x = {o}", "x = {g} = {o}", "{o} = {g}", r"{g} \ne {o}",
    r"{g} \pm 1", r"\ge {g}", r"\le {g}", "> {g}", "x > {g}", "at least {g}", "about {g} or so",
    "{g} or more", "more than {g}", "not {g}", "{g}?", "{g} (or {o})", "{g} ({o})", "{g}, no, {o}",
    "{g}, {o}, 1, 2, 3, 4, 6, 8", "1, 2, 3, {g}", r"{g} \text{{ or }} {o}", r"{g} \quad {o}",
    r"{g} \to {o}", r"{g} \Rightarrow {o}", r"{g} \\ {o}", "{g}\n{o}", r"{g} \cdots {o}",
    r"{g}, \ldots", "{g} + x", "{g}x", "x^{g}", "x_{g}", "{g}^x", "2 + {g}", "{g} - 1", "{g} * 2",
    r"\sqrt{{{g}}}", r"\frac{{{g}}}{{{o}}}", "{g} tenths", "{g} thousand", "{g} dozen",
    "{g} squared",
    "{g} times {o}", "{g} plus {o}", "{g} is wrong", "{g}, no solution", "{g} impossible",
    r"\cancel{{{g}}} {o}", r"\phantom{{{g}}} {o}", "{g} if x = 1", "{g} unless {o}", "{g}:00",
    "{g}i", "-{g}", "--{g}", "{g}-", "{g}+", "{g}!", "{g}'", "{g}_40", "{g}e", "|{g}| - 1", "{g}0",
    "0{g}0", "{g}.{o}", "{g},{o}00", r"{{{g}}}{{{o}}}", r"\boxed{{{g}}}\boxed{{{o}}}",
    r"\overline{{{g}}}", r"\lim {g}", r"\begin{{cases}} {g} \\ {o} \end{{cases}}", "{g}\u202e{o}",
    "\u202e{g}", r"\text{{{g} or {o}}}", r"{g} \lor {o}", r"{g} \cup {o}", "either {g} or {o}",
    "one of {g}, {o}", r"{g} \approx B", "{g} cm {o} mm", "{g} hours {o} minutes", "{g}% or {o}",
    r"x \in \{{{g}, {o}\}}", "{g} = x = {o}", r"{g} \mid {o}", "{g} & {o}", "y = {g}x", "{g} mod x",
    "{g} zero", "{g} times zero", "{g} cube", "{g} score", "{g} couple", "{g} root", "{g} prime",
    "{g}.00000 thirds", "{g} double dollars", "never = {g}", "more than = {g}", "negative x = {g}",
    "{g} twenties",
    "{g} tens", "{g} fives", "{g} dozens", "{g} myriads", "{g} sixtieths", "{g} zillions",
    "{g} upwards", "{g} percentages", "{g} fails", "{g} pupils or {o}", "{g} pupils {o}",
    "{g} minus",
    "{g} wrong pupils", "{g} dozen pupils", "{g} pupils times {o}", "{g} squares {o}", "{g} versus",
    "twice x = {g}", "x squared = {g}", r"\text{{not }} = {g}", r"\text{{less than}} = {g}",
]  # fmt: skip
CHOICE_HACKS = [
    "A, B, C, D", "(A) (B) (C) (D)", "A B C D", "ABCD", "A/B/C/D", "A or B", "(A) or (B)",
    "A. or B.",
    "A and B", "A) B) C)", "A|B", "(A)(B)", "B or A", "A, not B", "not A", "A: no, B", "A is wrong",
    "(A) is wrong, (B) is right", "option A, B", "A or not A", "any of A", "all but B", "A-D",
    "(A) none, (B) all", "A = B", "{A, B}", "(A, B)", "A^2", "2A", "A + B", "A?", "A (B)",
    "(A) isn't right", "either A or B", "A B", "A. B", "A; B", r"A \cup B", r"A \text{ or } B",
    "\u0410",  # the Cyrillic letter
    "A: Paris. B: London", "A. Paris B. London", "A. Paris / B. London", "(A) x (B) y",
    r"(A) $\sqrt2$ (B) $\sqrt3$", "A: east b: west", "A. 12 cm B", "(A) first A second B",
]  # fmt: skip
WORD_HACKS = [
    ("yes", ["yes or no", "yes/no", "yes, no", "not yes", "no, yes", "yes and no", "maybe yes"]),
    ("Navin", ["Navin or Luca", "Navin and Luca", "not Navin", "Navin, Luca", "Navin is wrong"]),
    ("Navin and Luca", ["Navin or Luca", "Navin", "Navin, Luca, Evelyn"]),
    ("east", ["east or west", "north, east, south, west", "not east", "seat", "eas t"]),
]


@pytest.fixture(scope="module")
def checker() -> Iterator[AnswerChecker]:
    with AnswerChecker() as checker:
        yield checker


@pytest.mark.parametrize(("gold", "other"), [("7", "9"), ("18", "24"), ("3", "5")])
def test_no_hedge_around_a_number_is_right(checker: AnswerChecker, gold: str, other: str) -> None:
    answers = [hack.format(g=gold, o=other) for hack in NUMBER_HACKS]
    for texts in (answers, [f"{a}." for a in answers], [f"${a}$" for a in answers]):
        verdicts = checker.check_many((text, gold) for text in texts)
        assert [a for a, v in zip(texts, verdicts, strict=True) if v == "correct"] == []


def test_no_hedge_between_choices_is_right(checker: AnswerChecker) -> None:
    for gold in ("A", "(A)", r"\text{(A)}", "A) 12"):
        verdicts = checker.check_many((answer, gold) for answer in CHOICE_HACKS)
        assert [a for a, v in zip(CHOICE_HACKS, verdicts, strict=True) if v == "correct"] == []


@pytest.mark.parametrize(("gold", "answers"), WORD_HACKS)
def test_no_hedge_between_words_is_right(
    checker: AnswerChecker, gold: str, answers: list[str]
) -> None:
    verdicts = checker.check_many((answer, gold) for answer in answers)
    assert [a for a, v in zip(answers, verdicts, strict=True) if v == "correct"] == []


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        # a different number of the same digits
        ("1/2^{98}", "1/2^{99}"), (".0000668", ".0000672"), ("10^{1000}", "10^{1001}"),
        ("12345678901234567890", "12345678901234567891"), ("1", "0.999999"), ("1", "0.9999999"),
        ("1000000", "1000000.4"), ("0.333333", "0.333334"), (r"\pi", "3.1416"), ("0", "10^{-20}"),
        (r"\pi \cdot 10^{-30}", r"2 \pi \cdot 10^{-30}"), ("204_5", "204_{50}"),
        ("1011_2", "1011_3"),
        # a different quantity
        ("5 km", "5 m"), ("5 dollars", "5 cents"), ("3 hours", "3 minutes"), ("10 cm", "10 cm^2"),
        ("90°C", "90°F"), ("0.5", "0.5%"), ("50", "0.5"), ("0.5", "50"), ("6:30 am", "6:30 pm"),
        # letters that are no units, names that are no numbers
        ("2x+3h", "2x+3"), (r"\frac13 \pi r^2 h", r"\frac13 \pi r^2"), ("5m + 3", "8"),
        ("R + r", "2r"),
        (r"\Gamma", r"\gamma"), ("x'", "x"), ("x_1", "x"), ("IV", "VI"), ("BAC", "ABC"), ("I", "1"),
        ("i", "1"), ("O", "0"), ("0", "O"), ("\u041e", "0"), ("l", "1"),
        # the parts of another answer
        ("(1, 2)", "(2, 1)"), ("x = 1, y = 2", "x = 2, y = 1"), ("(1, 2, 3)", "1, 2, 3"),
        ("[1, 2]", "(1, 2)"), (r"\{1, 2\}", r"\{1, 2, 2\}"), ("1200", "1, 200"), ("12", "1 2"),
        ("100200", "$100$,$200$"), ("[1,200]", "1200"), (r"\pm 2", "2"), ("25", "x^2 + y^2 = 25"),
        ("x + 3 = 5", "5"), ("2x = 10", "10"), ("x \\ge 5", "x > 5"), ("(B) 12", "(B) 13"),
        # readings of math-verify
        ("5", "2(3)"), ("5", "(2)(3)"), ("7", "3 4"), (r"\sin 30", r"\sin 30^\circ"),
        (r"\log 8", r"\ln 8"), ("x", "|x|"), (r"\sqrt{x^2}", "x"), ("f(x)", "f(y)"),
        ("n", "|n|"), (r"\sqrt{a^2}", "a"), ("2gq", "|2gq|"), ("2n", "2 ** n"), ("abG", "|abG|"),
        (f"{10**31}", f"{10**31} + x"), (f"{10**31} y + 1 = z", f"{10**31} y = z"),
    ],
)  # fmt: skip
def test_near_misses_are_wrong_whichever_is_the_gold(
    checker: AnswerChecker, gold: str, answer: str
) -> None:
    assert checker.check(answer, gold) != "correct"
    assert checker.check(gold, answer) != "correct"


@pytest.mark.parametrize(
    ("text", "gold"),
    [
        ("It is 5 or 6", "6"), ("The answer is $5$ or $6$.", "5"), ("It is between 1 and 18", "18"),
        ("from 1 to 18", "18"), ("5-10", "10"), ("1, 2, 3, 18", "18"), ("so 17 + 1", "1"),
        ("so f(x) = 3x", "3"), ("so x^2", "2"), ("so x + 5", "5"), ("so 5 + x", "5"),
        ("18 x", "18"),
        ("It is 3 tenths", "3"), ("The answer is 5; or 6", "5"), ("#### 5 or 6", "5"),
        ("<answer>5 or 6</answer>", "6"), (r"\boxed{5} \boxed{6}", "5"), ("The answer is 5!", "5"),
        (r"\boxed{\boxed{5} \boxed{6}}", "5"), (r"\boxed{5, \boxed{6}}", "5"), ("2^5", "5"),
        ("Answer: A, B, C, D", "A"), ("The answer is (A), (B)", "A"), ("Answer: A B C D", "D"),
        (r"The answer is not \boxed{5} but \boxed{6}", "5"), (r"\boxed{5" + " 6" * 999 + "}", "5"),
        ("(A) (B) (C) (D)", "D"), ("The answer is one of 1, 2, 3", "3"), ("1/5", "5"), ("a_5", "5"),
        (r"Write \boxed{answer}: \boxed{?}", "5"), (r"\boxed{}" + " 5", "5"), ("is 5 6", "6"),
        ("It is minus 5", "5"), ("It fell to negative 5.", "5"), ("It is not 5.", "5"),
        ("It is more than $5.", "5"), ("She has at least **5** eggs.", "5"), ("It's twice 5", "5"),
    ],
)  # fmt: skip
def test_no_text_that_leaves_it_open_is_right(checker: AnswerChecker, text: str, gold: str) -> None:
    assert checker.judge(text, gold).verdict != "correct"


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(0, 10**6), min_size=2, max_size=8, unique=True),
    st.sampled_from([", ", " or ", " ", " and ", "; ", " / ", "\n", r" \\ ", r" \text{ or } "]),
)
@example([3, 9], " / ")
def test_a_list_is_right_for_none_of_its_numbers(numbers: list[int], between: str) -> None:
    checker = default_checker()
    if between == " / ":  # 9 / 3 is 3, and that is no list
        assume(0 in numbers[1:] or _quotient(numbers) not in numbers)
    answer = between.join(map(str, numbers))
    texts = (f"\\boxed{{{answer}}}", f"The answer is {answer}", f"#### {answer}")
    for number in numbers:
        outcomes = checker.judge_many(
            (text, str(number)) for text in texts[: 1 + (between != "\n")]
        )
        assert all(outcome.verdict != "correct" for outcome in outcomes)


def _quotient(numbers: list[int]) -> Fraction:
    first, *others = numbers
    return reduce(truediv, others, Fraction(first))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 100), st.integers(0, 100))
def test_a_range_is_right_for_nothing_in_it(low: int, width: int) -> None:
    high = low + width + 1
    for text in (f"{low} to {high}", f"[{low}, {high}]", f"{low} < x < {high}", f"{low}--{high}"):
        for gold in (low, high, (low + high) // 2):
            assert default_checker().check(text, str(gold)) != "correct"
