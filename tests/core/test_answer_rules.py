r"""What an answer says: the kinds of answers, how each is read, and when two are equal."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.answers import AnswerChecker, default_checker
from core.records import Verdict


@pytest.fixture(scope="module")
def checker() -> Iterator[AnswerChecker]:
    with AnswerChecker() as checker:
        yield checker


def by_rules(answer: str | None, gold: str) -> Verdict:
    return default_checker().check(answer, gold)


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("1,234", "1234"),
        ("1234", r"\$1,234.00"),
        ("18", "€18"),
        ("18", "18 €"),
        ("18", "US$18"),
        ("18", "USD 18"),
        ("-18", "-$18"),
        ("-18", "$-18"),
        ("18", "18 km/h"),
        ("18", "18 m^2"),
        ("18", "18 m²"),
        ("18", r"18\ \mathrm{cm}^{2}"),
        ("18", r"18\text{ square inches}"),
        ("18", "18 apples in total."),
        ("18", "18 dollars per day"),
        ("18", "18 cups of flour"),
        ("18000", "$18,000/year"),
        ("18", r"18\ \mathrm{m\,s^{-1}}"),
        ("18", "18 (eighteen)"),
        ("18", "**18**"),
        ("18", "The answer is 18"),
        ("18", "= 18"),
        ("18", r"\text{18}"),
        ("70000", "70 000"),
        ("70000", r"70\,000"),
        ("70000", "70{,}000"),
        (r"\$32,\!348", "32348"),
        ("18000", "18 thousand"),
        ("18000", "$18k"),
        ("1500000", "$1.5 million"),
        ("1500", "1.5e3"),
        ("0.0015", "1.5E-3"),
        ("2.5", "2 1/2"),
        ("-2.5", "-2 1/2"),
        ("1/2", "1/2 cup"),
        ("18", "18 (dollars)"),
        ("18", "18 pupils"),
        ("18", r"18\text{ vacuum cleaners}"),
        ("18", "18 wrappers in total"),
        ("18", "18 push-ups"),
        ("18", "18 T-shirts"),
        ("18", r"18\ (\text{dollars})"),
        ("18", r"\text{eighteen}"),
        ("3/4", "3/4 of the cake"),
        ("3/4", r"\frac{3}{4} \text{ of a cup}"),
    ],
)
def test_units_currencies_and_words_after_a_number_count_for_nothing(
    gold: str, answer: str
) -> None:
    assert by_rules(answer, gold) == "correct"
    assert by_rules(gold, answer) == "correct"


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("18", "-18"),
        ("18", "18 thousand"),
        ("18", "18!"),
        ("18", "18x"),
        ("18", "18 x"),
        ("18", "18 - x"),
        ("18", "18 or 19"),
        ("18", "18-19"),
        ("18", "18 squared"),
        ("2", "2 sin x"),
        ("2", "2 factorial"),
        ("3", r"3 \frac{1}{2}"),
        ("3", "3 and a half"),
        ("1", "1, 2"),
        ("10", "10:30"),
        ("0.1", "0,1"),
    ],
)
def test_what_changes_a_number_is_not_overlooked(
    checker: AnswerChecker, gold: str, answer: str
) -> None:
    assert checker.check(answer, gold) in ("wrong", "unparseable")


@pytest.mark.parametrize(
    "answer",
    ["B", "(B)", "B) 12", "B. 12", "(B) 12", "B: twelve", r"\text{(B)}", r"\textbf{(B)} 12",
     r"\textbf{(B) }12", "option B", "Option B.", "choice (b)", "(b)", "The answer is B",
     r"\mathrm{B}"],
)  # fmt: skip
@pytest.mark.parametrize("gold", ["B", "(B)", r"\text{(B)}", "B) 12", r"\textbf{(B)}"])
def test_a_choice_is_known_by_its_letter(gold: str, answer: str) -> None:
    assert by_rules(answer, gold) == "correct"
    assert by_rules(answer, gold.replace("B", "C")) == "wrong"


def test_a_choice_may_be_answered_with_what_is_chosen(checker: AnswerChecker) -> None:
    assert checker.check("0.5", r"(B) \frac{1}{2}") == "correct"
    assert checker.check("0.4", r"(B) \frac{1}{2}") == "wrong"
    assert checker.check(None, "B) 12") == "unparseable"


@pytest.mark.parametrize("answer", ["12", "B and C", "b^2", "AB", "(1, 2)"])
def test_what_names_no_choice_is_none(checker: AnswerChecker, answer: str) -> None:
    assert checker.check(answer, "B") == "wrong"


@pytest.mark.parametrize(
    ("gold", "answer", "verdict"),
    [
        ("4210_{5}", "4210_5", "correct"),
        ("4210_{5}", r"4210_{\text{five}}", "correct"),
        ("4210_{5}", "4210", "correct"),  # the question names the base
        ("4210_{5}", "4210_6", "wrong"),
        ("4210_{5}", "4211_5", "wrong"),
        ("101_2", "5_{10}", "correct"),
        ("AB_{16}", "171_{10}", "correct"),
        ("204_5", "204_{50}", "unparseable"),
        ("a_1", "a_2", "wrong"),  # no numeral, but a name
        ("x_1", "x_1", "correct"),
    ],
)
def test_a_numeral_keeps_its_base(gold: str, answer: str, verdict: str | None) -> None:
    assert by_rules(answer, gold) == verdict


@pytest.mark.parametrize(
    ("gold", "answer", "verdict"),
    [
        (r"\text{east}", "East", "correct"),
        ("east", r"\text{east}", "correct"),
        ("east", "seat", "wrong"),  # a product of letters would not know
        ("Evelyn", "evelyn.", "correct"),
        ("Evelyn", "Carla", "wrong"),
        ("Evelyn", "Evelyn is the fastest", "wrong"),  # never a substring
        ("Evelyn", None, "unparseable"),
        ("ellipse", "an ellipse", "correct"),
        ("new york", "york new", "wrong"),
        ("yes", "Yes.", "correct"),
        ("yes", "no", "wrong"),
        ("True", "true", "correct"),
        ("red and blue", "blue, red", "correct"),
        (r"\text{6:00 PM}", "6:00 PM", "correct"),
        ("José", "José", "correct"),
        ("José", "Jose", "wrong"),
        ("北京", "北京", "correct"),
        ("北京", "上海", "wrong"),
        ("xyz", "zyx", "correct"),  # a product
        ("ABC", "CBA", "wrong"),  # a name
        ("sinh x", "sinh(x)", "correct"),
    ],
)
def test_words_are_compared_as_words(gold: str, answer: str | None, verdict: str | None) -> None:
    assert by_rules(answer, gold) == verdict


@pytest.mark.parametrize(
    ("gold", "answer", "verdict"),
    [
        # sets, intervals, tuples, ordered lists
        (r"\{1, 2\}", r"\left\{ 2, 1 \right\}", "correct"),
        ("1, 2", "2, 1", "correct"),
        ("1, 2, 3", "1, 2", "wrong"),
        (r"x = 1 \text{ or } x = 2", "1, 2", "correct"),
        (r"(3, \frac{\pi}{2})", r"\left( 3, \frac{\pi}{2} \right)", "correct"),
        ("(1, 2, 3)", "(1, 3, 2)", "wrong"),
        (r"[1, 2) \cup (3, \infty)", r"(3,\infty)\cup[1,2)", "correct"),
        (r"[1, 2) \cup (3, \infty)", r"(3,\infty)\cup[1,2]", "wrong"),
        (r"(-\infty, 2]", r"x \le 2", "correct"),
        (r"(-\infty, 2]", "x < 2", "wrong"),
        (r"\emptyset", r"\varnothing", "correct"),
        (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{bmatrix}1\\2\end{bmatrix}", "correct"),
        (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{pmatrix}2\\1\end{pmatrix}", "wrong"),
        # fractions, percent, degrees, currency, assignments
        (r"\frac{14}{3}", "14/3", "correct"),
        (r"1\frac{1}{2}", "1.5", "correct"),
        (r"20\%", "20%", "correct"),
        (r"20\%", "0.2", "correct"),
        ("20%", "20 percent", "correct"),
        ("20%", "21%", "wrong"),
        (r"90^\circ", "90°", "correct"),
        ("90", "90 degrees", "correct"),
        (r"90^\circ", "45°", "wrong"),
        (r"\$36", "36", "correct"),
        ("5", "x = 5", "correct"),
        ("x = 5", "5", "correct"),
        ("y = 2x + 3", "y = 2x + 4", "wrong"),
        # unreadable
        ("1/0", "5", "no_gold"),
        (r"\frac{1}{", "5", "no_gold"),
    ],
)
def test_latex_is_left_to_math_verify(
    checker: AnswerChecker, gold: str, answer: str, verdict: str
) -> None:
    assert checker.check(answer, gold) == verdict


@given(
    st.integers(-(10**9), 10**9),
    st.sampled_from(["", "$", r"\$", "€", "£", "USD "]),
    st.sampled_from(["", " dollars", " dollars a day", " in total", " apples", "."]),
)
def test_a_number_is_itself_however_it_is_dressed(n: int, before: str, after: str) -> None:
    sign, digits = ("-", f"{-n:,}") if n < 0 else ("", f"{n:,}")
    if before in ("€", "£") and "dollars" in after:
        after = ""
    assert by_rules(f"{sign}{before}{digits}{after}", str(n)) == "correct"
    assert by_rules(f"{sign}{before}{digits}{after}", str(n + 1)) == "wrong"


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=60), st.text(max_size=60))
def test_rules_take_any_text(answer: str, gold: str) -> None:
    assert by_rules(answer, gold) in set(Verdict)


@settings(deadline=None, max_examples=60)
@given(st.fractions(), st.sampled_from(["x", " x", "^{x}", " + x", r" \pi", " to 9", "/y", " / 0"]))
def test_an_expression_is_not_the_number_in_it(number: Fraction, after: str) -> None:
    if abs(number) not in (0, 1):
        assert by_rules(f"({number}){after}", str(number)) != "correct"


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        # numbers in words, parts and scales
        ("18", "eighteen"), ("42", "forty-two"), ("-5", "negative 5"), ("5/8", "5 eighths"),
        ("1/2", "one half"), ("18000", "18k"), ("36", "3 dozen"), ("2500000", "2.5 million"),
        ("18", "18 (eighteen)"), ("7/2", "3 1/2 km"), ("5/2", "2½"), ("7/2", r"3\text{ }\frac12"),
        ("2/3", r"0.\overline{6}"), ("1.6e-19", r"1.6 \times 10^{-19}"), ("1e10", "10^{10}"),
        # signs that are not ASCII
        ("-5", "−5"), ("-5", "‐5"), ("-x", "–x"), ("x^2", "x²"), ("x_1", "x₁"), ("5", "５"),
        (r"\sqrt{3}", "√3"), (r"2\pi", "2π"), (r"\frac34", "¾"), ("3/4", "3⁄4"), ("12", "3×4"),
        (r"x \le 2", "x ≤ 2"), (r"[1, 2] \cup (3, \infty)", "[1, 2] ∪ (3, ∞)"), ("5", "٥"),
        ("5", "\ufeff5\u200e\u2060"), (r"-2, 2", "±2"), (r"90^\circ", "90°"), ("90", "90 ℃"),
        # LaTeX that only dresses
        ("5", r"\Large{5}"), ("(2, 5)", r"\bigl(2, 5\bigr)"), ("2a", r"\mathbf{2a}"),
        ("5", r"\underline{5}"), ("5", r"\textcolor{red}{5}"), ("5", r"\color{red} 5"),
        ("5", "`5`"),
        ("5", r"\begin{aligned} x &= 5 \end{aligned}"), ("5", r"\ensuremath{5}"), ("5", r"5 \\"),
        (r"\frac12", r"{1 \over 2}"), ("10", r"{5 \choose 2}"), (r"\sqrt2", "sqrt(2)"),
        (r"\frac{1}{2}", r"\\frac{1}{2}"), ("x^2", "x**2"), ("18", "9*2=<<9*2=18>>18"),
        # separators between thousands
        ("1200", "x = 1,200"), (r"\frac{1000}{3}", r"\frac{1,000}{3}"), (r"1000\pi", r"1{,}000\pi"),
        ("11111111100", r"11,\! 111,\! 111,\! 100"), ("(10000, 2)", "(10,000, 2)"),
        ("(2, 100)", "(2,100)"), ("(1, 200, 300)", "(1,200,300)"), (r"\{200, 1\}", r"\{1,200\}"),
        # lists, sets, points, intervals
        ("1, 2", "$1$, $2$"), ("1, 2", "1 and 2"), ("1, 2", "x_1 = 1, x_2 = 2"), ("1, 2", "1; 2"),
        ("3, 2, 1", r"1, 2, \text{ and } 3"), ("x = 1, y = 2", "y = 2, x = 1"), ("1, 2", "{1, 2}"),
        ("(1, 2)", "(x, y) = (1, 2)"), ("(1, 2)", "(y, x) = (2, 1)"),
        (r"1 \pm \sqrt2", r"1 - \sqrt2, 1 + \sqrt2"),
        ("(2, 5)", "2 < x < 5"), ("[2, 5)", r"5 > x \ge 2"), (r"(2, \infty)", "x > 2"),
        ("x > 2", "2 < x"),
        (r"(-\infty, 2) \cup (3, \infty)", "x < 2 or x > 3"), ("(2, 5)", "x > 2 and x < 5"),
        (r"[-2, 7]", r"x \in [-2, 7]"), (r"[1, 3]", r"[1, 2] \cup [2, 3]"), (r"\emptyset", r"\{\}"),
        (r"\mathbb{R}", r"(-\infty, \infty)"),
        # assignments and equations
        ("5", "f(2) = 5"), ("5", "|AB| = 5"), ("5", r"\text{Number of ways} = 5"),
        ("5", "2 + 3 = 5"),
        ("36", r"m\angle A = 36^\circ"), ("2x + 3", "f(x) = 2x + 3"),
        ("y = 2x + 3", "2x - y + 3 = 0"),
        ("5x - 7y + 11z + 4 = 0", "-5x + 7y - 11z = 4"), (r"\frac13", r"\frac13 \approx 0.333"),
        ("5.2", r"x \approx 5.2"),
        # expressions
        ("a + b + c", "c + a + b"), ("n(n+1)/2", r"\frac{n^2 + n}{2}"),
        ("1", r"\sin^2 x + \cos^2 x"),
        (r"\frac12", r"\sin 30^\circ"), (r"\frac{\pi}{4}", r"\tan^{-1} 1"), ("-1", r"e^{i\pi}"),
        ("3", r"\log_2 8"), ("55", r"\sum_{k=1}^{10} k"), (r"\frac12", r"\int_0^1 x dx"),
        ("2^{5001}", r"2 \cdot 2^{5000}"), ("(x+1)^2", "x^2 + 2x + 1"),
        (r"3\sqrt[3]{2}", r"\sqrt[3]{54}"),
        # a percentage and what a long decimal stands for
        ("50", r"50\%"), ("0.5", "50%"), ("150%", "1.5"), (r"33\frac13\%", r"\frac{100}{3}\%"),
        ("1/3", "0.333333"), (r"\pi", "3.14159"), ("2/3", "0.666666"),
        # choices with what is chosen, times
        ("B", "(B) Paris"), ("B", "B. 12 km"), ("(k)", "k"), ("6:30", r"6\!:\!30"),
        ("6:30 PM", "6:30 p.m."),
    ],
)  # fmt: skip
def test_the_same_answer_in_another_form_is_right_both_ways(
    checker: AnswerChecker, gold: str, answer: str
) -> None:
    assert checker.check(answer, gold) == "correct"
    assert checker.check(gold, answer) == "correct"


def test_units_that_differ_are_wrong_and_a_unit_left_out_is_not(checker: AnswerChecker) -> None:
    assert checker.check("5 km", "5 kilometers") == "correct"
    assert checker.check("5", "5 km") == checker.check("5 km", "5") == "correct"
    assert checker.check("5 square units", "5 cm^2") == "correct"
    assert checker.check("5 m", "5 km") == "wrong"


@pytest.mark.parametrize(
    "gold",
    ["a + b + c", "2ab", r"\frac13\pi r^2h", "1 - t", r"0.\overline{6}", r"\frac{1,000}{3}", "½",
    "12:00",
     r"A \cup B", r"x \text{ inches}", "5x - 7y + 11z + 4 = 0", r"\text{Navin}", "(K)", "II",
     "005"],
)  # fmt: skip
def test_every_proper_gold_can_be_read(checker: AnswerChecker, gold: str) -> None:
    assert checker.check(gold, gold) == "correct"
    assert checker.check("17", gold) == "wrong"
    assert checker.check(None, gold) == "unparseable"


@pytest.mark.parametrize(
    ("gold", "text"),
    [
        ("-5", "It fell to minus 5."),
        ("-5", "So it is negative 5"),
        ("10", r"so they are $10 \text{ km}$ apart."),
        ("20", r"It runs at 20\text{ m/s}."),
        ("20", r"It runs at $20\,\mathrm{m/s}$."),
        ("2\\sqrt{3}", r"The side is $2 \sqrt{3} \text{ cm}$."),
        ("2:30 p.m.", "They arrive at 2:30 p.m."),
        ("A", "Answer: **A)** Paris"),
        ("B", "The answer is (B) Vitamin C."),
    ],
)
def test_the_last_number_is_found_with_its_sign_and_unit(
    checker: AnswerChecker, gold: str, text: str
) -> None:
    assert checker.judge(text, gold).verdict == "correct"


def test_a_decimal_of_parts_is_decided_at_once() -> None:
    assert by_rules("1.00000 thirds", "1/7") == "wrong"
    assert by_rules("1.00000 thirds", "1/3") == "correct"


def test_mathematics_that_fails_does_not_end_the_process(checker: AnswerChecker) -> None:
    singular = r"\begin{pmatrix}1&2\\2&4\end{pmatrix}^{-1}"
    checker.check("x + x", "2x")
    worker = checker._worker
    assert checker.check(singular, "x") == checker.check("x", singular) == "timed_out"
    assert checker._worker is worker
