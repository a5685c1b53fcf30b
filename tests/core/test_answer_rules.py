r"""Rules for answers that math-verify can't read, or takes for something else."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.answers import AnswerChecker, default_checker
from core.records import Verdict


@pytest.fixture(scope="module")
def checker() -> Iterator[AnswerChecker]:
    with AnswerChecker() as checker:
        yield checker


def by_rules(answer: str | None, gold: str) -> Verdict | None:
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
        ("18", "18 apples, so he has enough."),
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
        ("a_1", "a_2", None),  # no numeral, but a name
        ("x_1", "x_1", None),
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
        ("xyz", "zyx", None),  # a product
        ("sinh x", "sinh(x)", None),
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
    st.sampled_from(["", " dollars", " km/h", " m^2", " cups of flour.", ", so he has enough"]),
)
def test_a_number_is_itself_however_it_is_dressed(n: int, before: str, after: str) -> None:
    sign, digits = ("-", f"{-n:,}") if n < 0 else ("", f"{n:,}")
    assert by_rules(f"{sign}{before}{digits}{after}", str(n)) == "correct"
    assert by_rules(f"{sign}{before}{digits}{after}", str(n + 1)) == "wrong"


@given(st.text(max_size=60), st.text(max_size=60))
def test_rules_take_any_text(answer: str, gold: str) -> None:
    assert by_rules(answer, gold) in {None, *Verdict}


@given(st.fractions(), st.sampled_from(["x", " x", "!", "^2", "+1", r"\pi", " to 9", "/y"]))
def test_rules_leave_expressions_alone(number: Fraction, after: str) -> None:
    assert by_rules(f"{number}{after}", "5") is None
