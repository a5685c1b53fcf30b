"""Equality of expressions: parsed by math-verify, and compared numerically where possible.

math-verify's own comparison rounds to six decimal places, considers 1/2^98 and 1/2^99 equal, and
depends on which side is the gold answer. So expressions that can be evaluated are compared by
value, to a relative precision of 30 digits, at fixed points for their variables: this comparison is
symmetric and transitive. All others are left to math-verify, asked both ways.
"""

from __future__ import annotations

import hashlib
import re
from fractions import Fraction
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from core.answers.comparison import rounds_to
from core.answers.values import Interval, Ordered, Quantity, Raw, Relation, Several, Union, Value

_DIGITS = 40
_SPARE = 10  # guard digits, which may differ
_EQUAL = _DIGITS - _SPARE
_SHORT = 10
_MOST_DIGITS = 2_000
_SIGN_BITS = 6
_POINTS = 1 + _SIGN_BITS


class NotMathematicsError(ValueError):
    """math-verify can't parse all of it, or it has no value (1/0)."""


@lru_cache(maxsize=2_048)
def parsed(latex: str) -> Any:
    """Parse LaTeX with math-verify's parser; all of it must be consumed.

    Raises:
        NotMathematicsError: it can't be parsed, or has no value.
    """
    from antlr4 import Token
    from latex2sympy2_extended.latex2sympy2 import ConversionConfig, _Latex2Sympy
    from sympy import Basic, MatrixBase, nan, zoo

    reader = _Latex2Sympy(config=ConversionConfig(lowercase_symbols=False))
    try:
        parser = reader.create_parser(latex)
        tree = parser.math()
        if parser.getCurrentToken().type != Token.EOF:
            raise NotMathematicsError("there is text after the expression")
        # Reuse the tree: the reader would parse the same text again
        reader.create_parser = lambda _: SimpleNamespace(math=lambda: tree)
        found = reader.parse(latex)
    except (MemoryError, RecursionError, NotMathematicsError):
        raise
    except Exception as error:  # the parser raises bare exceptions
        raise NotMathematicsError(str(error).partition("\n")[0]) from error
    if not isinstance(found, Basic | MatrixBase):
        raise NotMathematicsError("not an expression")
    if isinstance(found, Basic) and found.has(zoo, nan):
        raise NotMathematicsError("not a number")
    return found


@lru_cache(maxsize=2_048)
def values(latex: str, digits: int = _DIGITS, points: int = _POINTS) -> tuple[Any, ...] | None:
    """The expression's values at the fixed points, to `digits`; None if it can't be evaluated.

    For a matrix: its shape, then the values of all cells.
    """
    from sympy import MatrixBase, MatrixExpr

    found = parsed(latex)
    if isinstance(found, MatrixExpr):
        found = found.doit()
    if isinstance(found, MatrixBase):
        cells = [_values(cell, digits, points) for cell in found]
        if any(cell is None for cell in cells):
            return None
        return (*found.shape, *(value for cell in cells if cell is not None for value in cell))
    return _values(found, digits, points)


def _digits_for(*latex: str) -> int:
    """Enough digits for a small term beside the longest number: 10^31 + x is not 10^31."""
    longest = max((len(run) for each in latex for run in re.findall(r"\d+", each)), default=0)
    return _DIGITS if longest <= _SHORT else min(_DIGITS + longest, _MOST_DIGITS)


def _values(expression: Any, digits: int, points: int) -> tuple[Any, ...] | None:
    from sympy import Expr, Symbol, oo, zoo
    from sympy.core.function import AppliedUndef

    if not isinstance(expression, Expr) or expression.has(AppliedUndef):
        return None
    if expression in (oo, -oo):
        return (str(expression),)
    if expression.has(oo, -oo, zoo) and not expression.free_symbols:
        return None
    symbols = sorted(expression.free_symbols, key=str)
    if not all(isinstance(symbol, Symbol) for symbol in symbols):
        return None
    found = []
    for number in range(points if symbols else 1):
        point = {symbol: _coordinate(str(symbol), number) for symbol in symbols}
        value = _value_at(expression, point, digits)
        if value is None:
            return None
        found.append(value)
    return tuple(found)


def _coordinate(symbol: str, number: int) -> Any:
    """A rational of moderate size that depends only on the symbol's name and the point's number.

    At the first point all are positive. At the others the signs vary by letter, and each symbol is
    negative somewhere, so that |x| and x, or |xy| and xy, differ.
    """
    from sympy import Rational

    digest = hashlib.sha256(f"{symbol} {number}".encode()).digest()
    size = Rational(int.from_bytes(digest[:4], "big") % 9_973 + 3_001, 5_003)
    single = len(symbol) == 1 and symbol.isascii()
    signs = (
        ord(symbol) - ord("@") if single else hashlib.sha256(symbol.encode()).digest()[0] % 63 + 1
    )
    return -size if number and signs >> (number - 1) & 1 else size


def _value_at(expression: Any, point: dict[Any, Any], digits: int) -> Any | None:
    from sympy import Float, nan, zoo

    try:
        value = expression.subs(point).evalf(digits)
    except (MemoryError, RecursionError):
        raise
    except Exception:  # sympy's evaluation raises many kinds
        return None
    real, imaginary = value.as_real_imag()
    if value.has(nan, zoo) or not all(part.is_Float or part.is_Integer or part.is_Rational
                                      for part in (real, imaginary)):  # fmt: skip
        return None
    return Float(real, digits), Float(imaginary, digits)


def _close(a: Any, b: Any, digits: int = _DIGITS) -> bool:
    from sympy import Rational

    if not isinstance(a, tuple) or not isinstance(b, tuple):
        return bool(a == b)
    size = max(abs(part) for part in (*a, *b))
    if not size:
        return True
    return all(
        abs(one - other) <= size * Rational(10) ** (_SPARE - digits)
        for one, other in zip(a, b, strict=True)
    )


def _all_close(a: tuple[Any, ...], b: tuple[Any, ...], digits: int) -> bool:
    if 1 in (len(a), len(b)):  # a constant has a single value for all points
        a, b = a * len(b), b * len(a)
    return len(a) == len(b) and all(_close(*pair, digits) for pair in zip(a, b, strict=True))


class MathVerify:
    """Compares with math-verify; see `core.answers.comparison.Mathematics`."""

    def same(self, a: str, b: str) -> bool:
        digits = _digits_for(a, b)
        for points in (1, _POINTS):  # most different pairs differ at the first
            one, other = values(a, digits, points), values(b, digits, points)
            if one is None or other is None:
                break
            if not _all_close(one, other, digits):
                return False
        else:
            return True
        return _verified(parsed(a), parsed(b))

    def near(self, of: str, value: Fraction, ulp: Fraction) -> bool:
        known = values(of)
        if known is None or len(known) != 1 or not isinstance(known[0], tuple) or known[0][1]:
            return False
        return rounds_to(Fraction(str(known[0][0])), value, ulp)

    def same_relation(self, a: Relation, b: Relation) -> bool:
        differences = [f"({each.left.latex}) - ({each.right.latex})" for each in (a, b)]
        digits = _digits_for(*differences)
        one, other = (values(each, digits) for each in differences)
        if one is None or other is None or len(one) != len(other):
            return _verified(_relation(a), _relation(b))
        return _proportional(one, other, digits, only_positive=a.sign not in ("=", "!="))

    def same_set(self, a: Value, b: Value) -> bool:
        sets = [_set(each) for each in (a, b)]
        if any(each is None for each in sets):
            return False
        return _verified(*sets)


def _proportional(a: tuple[Any, ...], b: tuple[Any, ...], digits: int, only_positive: bool) -> bool:
    ratios = []
    for one, other in zip(a, b, strict=True):
        if not isinstance(one, tuple) or not isinstance(other, tuple) or one[1] or other[1]:
            return False
        if not one[0] or not other[0]:
            if bool(one[0]) != bool(other[0]):
                return False
            continue
        ratios.append((one[0] / other[0], one[1]))
    same = all(_close(ratio, ratios[0], digits) for ratio in ratios)
    return bool(ratios) and same and (not only_positive or ratios[0][0] > 0)


def _relation(of: Relation) -> Any:
    signs = {"=": "=", "<": "<", "<=": r"\le", "!=": r"\ne"}
    return parsed(f"{of.left.latex} {signs[of.sign]} {of.right.latex}")


def _set(value: Value) -> Any | None:
    """A sympy set; None for a value that is not a set."""
    from sympy import FiniteSet, Set, sympify
    from sympy import Interval as RealInterval
    from sympy import Union as RealUnion

    if isinstance(value, Raw):
        found = parsed(value.latex)
        return found if isinstance(found, Set) else None
    if isinstance(value, Union):
        parts = [_set(each) for each in value.items]
        known = [part for part in parts if part is not None]
        return RealUnion(*known) if len(known) == len(parts) else None
    if isinstance(value, Several):
        numbers = [_constant(each) for each in value.items]
        return None if None in numbers else FiniteSet(*numbers)
    if isinstance(value, Ordered) and len(value.items) == 2:
        ends = [_constant(each) for each in value.items]
        return None if None in ends else RealInterval.open(*ends)
    if isinstance(value, Interval):
        low, high = _constant(value.low), _constant(value.high)
        if low is None or high is None:
            return None
        return RealInterval(low, high, sympify(value.low_open), sympify(value.high_open))
    return None


def _constant(value: Value) -> Any | None:
    from sympy import Rational

    if not isinstance(value, Quantity) or value.letters or value.percent:
        return None
    if value.exact is not None:
        return Rational(value.exact.numerator, value.exact.denominator)
    return parsed(value.latex).doit()


def _verified(a: Any, b: Any) -> bool:
    """Whether math-verify finds them equal, with either as the gold answer."""
    from math_verify import verify

    return any(
        verify(gold, answer, float_rounding=15, numeric_precision=_EQUAL, timeout_seconds=None)
        for gold, answer in ((a, b), (b, a))
    )


def check_readable(value: Value) -> None:
    """Parse every expression inside a value.

    Raises:
        NotMathematicsError: math-verify can't parse one of them.
    """
    from core.answers.values import parts_of

    if (isinstance(value, Quantity) and value.exact is None) or isinstance(value, Raw):
        parsed(value.latex)
    for part in parts_of(value):
        check_readable(part)
