"""Compare two values: whether they are equal, and the rule that decided.

There are two equalities, both symmetric. For *correct*, a unit, base or percent sign that one side
leaves out is taken from the other, and a decimal of enough digits equals the number it rounds. For
*the same*, used by votes, nothing is assumed; this one is transitive as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Protocol

from core.answers.values import (
    Choice,
    Claimed,
    Clock,
    Interval,
    Numeral,
    Ordered,
    Quantity,
    Raw,
    Relation,
    Several,
    Union,
    Value,
    Words,
)

MIN_DIGITS = 6
"""Significant digits from which a decimal equals the number that it rounds."""

_MAX_ITEMS = 200


class Mathematics(Protocol):
    """Comparisons that need math-verify, which runs in a process of its own."""

    def same(self, a: str, b: str) -> bool:
        """Whether two expressions are equal."""

    def near(self, of: str, value: Fraction, ulp: Fraction) -> bool:
        """Whether a constant expression rounds or truncates to a decimal; ulp: its last place."""

    def same_relation(self, a: Relation, b: Relation) -> bool:
        """Whether two equations or inequalities are equivalent."""

    def same_set(self, a: Value, b: Value) -> bool:
        """Whether two sets of numbers have the same elements."""


class UndecidedError(Exception):
    """Mathematics is needed, but not available here."""


class NoMathematics:
    """Raises `UndecidedError` whenever a comparison needs math-verify."""

    def same(self, a: str, b: str) -> bool:
        raise UndecidedError

    def near(self, of: str, value: Fraction, ulp: Fraction) -> bool:
        raise UndecidedError

    def same_relation(self, a: Relation, b: Relation) -> bool:
        raise UndecidedError

    def same_set(self, a: Value, b: Value) -> bool:
        raise UndecidedError


@dataclass(frozen=True)
class Decision:
    """Whether two values are equal, and the rule that decided."""

    equal: bool
    rule: str


def right(answer: Value, gold: Value, mathematics: Mathematics) -> Decision:
    """Whether an answer is correct, given the gold answer."""
    return _Comparison(mathematics, lenient=True).of(answer, gold)


def same(a: Value, b: Value, mathematics: Mathematics) -> Decision:
    """Whether two answers are the same."""
    return _Comparison(mathematics, lenient=False).of(a, b)


class _Comparison:
    def __init__(self, mathematics: Mathematics, lenient: bool) -> None:
        self.mathematics = mathematics
        self.lenient = lenient

    def of(self, a: Value, b: Value) -> Decision:
        for value in (a, b):
            if isinstance(value, Claimed) and not self._consistent(value):
                return Decision(False, "an equation that isn't true")
        a = a.value if isinstance(a, Claimed) else a
        b = b.value if isinstance(b, Claimed) else b
        a, b = _only_item(a), _only_item(b)
        if a == b:
            return Decision(True, "the same normal form")
        if isinstance(a, Choice) or isinstance(b, Choice):
            return self._choices(a, b)
        if isinstance(a, Numeral) or isinstance(b, Numeral):
            return self._numerals(a, b)
        if isinstance(a, Quantity) and isinstance(b, Quantity):
            return self._quantities(a, b)
        if isinstance(a, Clock) and isinstance(b, Clock):
            same_half = a.half == b.half or (self.lenient and "" in (a.half, b.half))
            return Decision(a.parts == b.parts and same_half, "times, as written")
        if isinstance(a, Words) and isinstance(b, Words):
            return Decision(False, "words, without capitals and articles")
        if isinstance(a, Several) and isinstance(b, Several):
            return Decision(self._matched(a.items, b.items), "lists, in any order")
        if isinstance(a, Ordered) and isinstance(b, Ordered):
            return Decision(self._in_order(a.items, b.items), "points and open intervals, in order")
        if isinstance(a, Interval) and isinstance(b, Interval):
            ends = (a.low_open, a.high_open) == (b.low_open, b.high_open)
            equal = ends and self._in_order((a.low, a.high), (b.low, b.high))
            return Decision(equal, "intervals, with their ends")
        if isinstance(a, Relation) and isinstance(b, Relation):
            equal = a.sign == b.sign and self.mathematics.same_relation(a, b)
            return Decision(equal, "equations and inequalities, up to a factor")
        equations = [_equation(each) for each in (a, b)]
        if self.lenient and equations[0] is not None and equations[1] is not None:
            return self.of(equations[0], equations[1])
        if isinstance(a, Raw | Union) or isinstance(b, Raw | Union):
            return self._sets(a, b)
        return Decision(False, "answers of different kinds")

    def _consistent(self, claimed: Claimed) -> bool:
        lenient = _Comparison(self.mathematics, lenient=True)
        return all(lenient.of(side, claimed.value).equal for side in claimed.sides)

    def _choices(self, a: Value, b: Value) -> Decision:
        if isinstance(a, Choice) and isinstance(b, Choice):
            equal = a.letter == b.letter
            if equal and a.text is not None and b.text is not None and self.lenient:
                equal = self.of(a.text, b.text).equal
            return Decision(equal, "choices, by their letter")
        choice, other = (a, b) if isinstance(a, Choice) else (b, a)
        assert isinstance(choice, Choice)
        if choice.text is not None and self.lenient:
            return Decision(self.of(choice.text, other).equal, "what was chosen")
        if choice.bare and isinstance(other, Quantity) and other.exact is None:
            named = {"e": "e", "i": "I", "I": r"\mathrm{Iletter}"}.get(choice.bare, choice.bare)
            return self._quantities(Quantity(named, letters=True), other)
        return Decision(False, "a choice and another kind of answer")

    def _numerals(self, a: Value, b: Value) -> Decision:
        if isinstance(a, Numeral) and isinstance(b, Numeral):
            return Decision(a.value == b.value, "numerals, by their value")
        numeral, other = (a, b) if isinstance(a, Numeral) else (b, a)
        assert isinstance(numeral, Numeral)
        if isinstance(other, Quantity) and other.exact is not None and not other.percent:
            if self.lenient:
                return Decision(str(other.exact) == numeral.digits, "digits; the base is left out")
            return Decision(other.exact == numeral.value, "numbers, exactly")
        if self.lenient and isinstance(other, Words):
            return Decision("".join(other.words).upper() == numeral.digits, "digits")
        return Decision(False, "a numeral and another kind of answer")

    def _quantities(self, a: Quantity, b: Quantity) -> Decision:
        if self.lenient and a.unit and b.unit and a.unit != b.unit:
            return Decision(False, "different units")
        unit = "; the unit is left out" if a.unit != b.unit else ""
        if not self.lenient:
            a, b = _without_percent(a), _without_percent(b)
        if a.percent != b.percent:
            return self._percentages(a, b)
        if a.exact is not None and b.exact is not None:
            if a.exact == b.exact:
                return Decision(True, f"numbers, exactly{unit}")
            if self.lenient and _near(a, b):
                return Decision(True, f"a decimal of {MIN_DIGITS} or more digits")
            return Decision(False, "numbers, exactly")
        if self.lenient:
            for decimal, other in ((a, b), (b, a)):
                ulp = _last_place(decimal)
                if ulp is None or decimal.exact is None or other.exact is not None or other.letters:
                    continue
                if self.mathematics.near(other.latex, decimal.exact, ulp):
                    return Decision(True, f"a decimal of {MIN_DIGITS} or more digits")
        equal = self.mathematics.same(a.latex, b.latex)
        return Decision(equal, f"expressions, by math-verify{unit if equal else ''}")

    def _percentages(self, a: Quantity, b: Quantity) -> Decision:
        """50% against 50 or 0.5: the side without the sign may mean either.

        A number up to 1 counts as a share: 0.5 and 0.5% differ.
        """
        percent, plain = (a, b) if a.percent else (b, a)
        as_value = self._quantities(_without_percent(percent), plain)
        if as_value.equal:
            return Decision(True, "a percentage by its value")
        if plain.exact is not None and abs(plain.exact) <= 1:
            return Decision(False, "a percentage by its value")
        as_number = self._quantities(replace(percent, percent=False), plain)
        return Decision(as_number.equal, "a percentage; the percent sign is left out")

    def _sets(self, a: Value, b: Value) -> Decision:
        if isinstance(a, Union) and isinstance(b, Union) and self._matched(a.items, b.items):
            return Decision(True, "unions, in any order")
        if isinstance(a, Raw | Quantity) and isinstance(b, Raw | Quantity):
            latex = [each.latex for each in (a, b)]
            return Decision(self.mathematics.same(*latex), "expressions, by math-verify")
        return Decision(self.mathematics.same_set(a, b), "sets, by math-verify")

    def _in_order(self, a: Sequence[Value], b: Sequence[Value]) -> bool:
        return len(a) == len(b) and all(
            self.of(one, other).equal for one, other in zip(a, b, strict=True)
        )

    def _matched(self, a: Sequence[Value], b: Sequence[Value]) -> bool:
        """Whether two lists can be paired so that each pair is equal."""
        if len(a) != len(b) or len(a) > _MAX_ITEMS:
            return False
        left = list(b)
        for one in a:
            exact = next((i for i, other in enumerate(left) if other == one), None)
            found = exact
            if found is None:
                found = next((i for i, other in enumerate(left) if self.of(one, other).equal), None)
            if found is None:
                return False
            del left[found]
        return True


def _only_item(value: Value) -> Value:
    return value.items[0] if isinstance(value, Several) and len(value.items) == 1 else value


def _equation(of: Value) -> Relation | None:
    """An equation such as y = 2x + 3; None for an expression not assigned to a variable."""
    if isinstance(of, Relation):
        return of
    if not isinstance(of, Quantity) or not of.name:
        return None
    return Relation("=", Quantity(of.name, letters=True), replace(of, name=""))


def _without_percent(of: Quantity) -> Quantity:
    if not of.percent:
        return of
    exact = None if of.exact is None else of.exact / 100
    return replace(of, latex=f"\\frac{{{of.latex}}}{{100}}", exact=exact, percent=False)


def _near(a: Quantity, b: Quantity) -> bool:
    """Whether one is a decimal that rounds the other, a fraction without a finite decimal."""
    for decimal, other in ((a, b), (b, a)):
        ulp = _last_place(decimal)
        if ulp is None or other.digits is not None or other.exact is None or decimal.exact is None:
            continue
        if not _terminates(other.exact) and rounds_to(other.exact, decimal.exact, ulp):
            return True
    return False


def _last_place(of: Quantity) -> Fraction | None:
    """The place value of the last digit; None for anything but a decimal with enough digits."""
    if of.digits is None or of.digits < MIN_DIGITS or not of.exact or not _terminates(of.exact):
        return None
    places = 0
    while (of.exact * 10**places).denominator != 1:
        places += 1
    significant = len(str(abs(int(of.exact * 10**places))))
    return Fraction(1, 10 ** (places + max(0, of.digits - significant)))


def rounds_to(value: Fraction, decimal: Fraction, ulp: Fraction) -> bool:
    """Whether a number equals a decimal after rounding or truncating to its last place (ulp)."""
    off = abs(value) - abs(decimal)
    return (value < 0) == (decimal < 0) and -ulp / 2 <= off < ulp


def _terminates(value: Fraction) -> bool:
    below = value.denominator
    for prime in (2, 5):
        while below % prime == 0:
            below //= prime
    return below == 1
