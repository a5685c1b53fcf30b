r"""Arithmetic on expressions: LaTeX with a single reading, and an exact value if there is one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from core.answers.errors import UnreadError

_MAX_BITS = 4_096
"""Larger numbers are computed in the worker process, which can be killed."""
_MAX_FACTORIAL = 200

SUM, PRODUCT, POWER, ATOM = range(4)
"""How tightly an expression binds, loosest first."""


@dataclass(frozen=True)
class Expression:
    """An expression as LaTeX with a single reading.

    exact: its value if rational and of moderate size. letters: whether it contains a variable (pi,
    e and i are constants). level: how tightly its outermost operator binds. digits: significant
    digits of a plain decimal number.
    """

    latex: str
    exact: Fraction | None = None
    letters: bool = False
    level: int = ATOM
    digits: int | None = None

    def at(self, level: int) -> str:
        """Its LaTeX, in brackets if it binds less tightly than `level`."""
        return self.latex if self.level >= level else f"({self.latex})"


def number(value: Fraction, digits: int | None = None) -> Expression:
    """An exact number."""
    above = abs(value.numerator)
    plain = str(above) if value.denominator == 1 else f"\\frac{{{above}}}{{{value.denominator}}}"
    if value < 0:
        return Expression(f"-{plain}", value, level=SUM, digits=digits)
    return Expression(plain, value, digits=digits)


def _small(value: Fraction) -> bool:
    return max(value.numerator.bit_length(), value.denominator.bit_length()) <= _MAX_BITS


def _of(latex: str, level: int, *parts: Expression) -> Expression:
    return Expression(latex, letters=any(part.letters for part in parts), level=level)


def negative(of: Expression) -> Expression:
    if of.exact is not None:
        return number(-of.exact, of.digits)
    return _of(f"-{of.at(PRODUCT)}", SUM, of)


def plus(a: Expression, b: Expression) -> Expression:
    if a.exact is not None and b.exact is not None:
        return number(a.exact + b.exact)
    if b.latex.startswith("-"):
        one_term = " + " not in b.latex and " - " not in b.latex
        rest = f"- {b.latex[1:]}" if one_term else f"+ ({b.latex})"
        return _of(f"{a.latex} {rest}", SUM, a, b)
    return _of(f"{a.latex} + {b.latex}", SUM, a, b)


def times(a: Expression, b: Expression) -> Expression:
    if a.exact is not None and b.exact is not None and _small(a.exact) and _small(b.exact):
        return number(a.exact * b.exact)
    return _of(f"{a.at(PRODUCT)} \\cdot {b.at(PRODUCT)}", PRODUCT, a, b)


def over(a: Expression, b: Expression) -> Expression:
    if b.exact == 0:
        raise UnreadError("a division by 0")
    if a.exact is not None and b.exact is not None and _small(a.exact) and _small(b.exact):
        return number(a.exact / b.exact)
    return _of(f"\\frac{{{a.latex}}}{{{b.latex}}}", ATOM, a, b)


def modulo(a: Expression, b: Expression) -> Expression:
    if a.exact is None or not b.exact:
        raise UnreadError("a remainder of something that is not a number")
    return number(a.exact % b.exact)


def power(base: Expression, exponent: Expression) -> Expression:
    if base.exact is not None and exponent.exact is not None:
        if base.exact == 0 and exponent.exact < 0:
            raise UnreadError("a division by 0")
        value = _exact_power(base.exact, exponent.exact)
        if value is not None:
            return number(value)
    return _of(f"{base.at(ATOM)}^{{{exponent.latex}}}", POWER, base, exponent)


def _exact_power(base: Fraction, exponent: Fraction) -> Fraction | None:
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if exponent.denominator != 1:
        if exponent.denominator > 64 or base <= 0:
            return None
        root = _exact_root(base, exponent.denominator)
        return None if root is None else _exact_power(root, Fraction(exponent.numerator))
    if abs(exponent.numerator) * bits > _MAX_BITS:
        return None
    return base**exponent.numerator


def _exact_root(value: Fraction, index: int) -> Fraction | None:
    above, below = (_whole_root(each, index) for each in (value.numerator, value.denominator))
    return None if above is None or below is None else Fraction(above, below)


def _whole_root(value: int, index: int) -> int | None:
    if value.bit_length() > _MAX_BITS:
        return None
    low, high = 0, 1 << (value.bit_length() // index + 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**index <= value else (low, middle - 1)
    return low if low**index == value else None


def root(of: Expression, index: Expression) -> Expression:
    whole = index.exact
    if whole is not None and whole.denominator == 1 and 2 <= whole <= 64:
        if of.exact is not None and of.exact >= 0:
            known = Fraction(0) if of.exact == 0 else _exact_root(of.exact, int(whole))
            if known is not None:
                return number(known)
        latex = f"\\sqrt{{{of.latex}}}" if whole == 2 else f"\\sqrt[{whole}]{{{of.latex}}}"
        return _of(latex, ATOM, of)
    return _of(f"\\sqrt[{index.latex}]{{{of.latex}}}", ATOM, of, index)


def factorial(of: Expression) -> Expression:
    if of.exact is not None:
        if of.exact < 0 or of.exact.denominator != 1:
            raise UnreadError("a factorial of a number that is negative or not whole")
        if of.exact <= _MAX_FACTORIAL:
            return number(Fraction(math.factorial(int(of.exact))))
    return _of(f"{of.at(ATOM)}!", POWER, of)


def binomial(n: Expression, k: Expression) -> Expression:
    if n.exact is not None and k.exact is not None:
        if n.exact.denominator == k.exact.denominator == 1 and k.exact >= 0 and n.exact <= 1000:
            return number(Fraction(math.comb(int(n.exact), int(k.exact)) if n.exact >= 0 else 0))
        raise UnreadError("a binomial coefficient that is too large or not of whole numbers")
    return _of(f"\\binom{{{n.latex}}}{{{k.latex}}}", ATOM, n, k)
