r"""Mathematical expressions: tokens become LaTeX that has one reading, and an exact value.

math-verify's parser reads "2(3)" as a mixed number, drops primes and degrees, and makes imaginary
units of some letters. So what it gets is written out: every product with \cdot, every argument in
brackets, every decimal as a fraction. What is rational is computed here, exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from core.answers.errors import UnreadError
from core.answers.lexicon import CARDINALS
from core.answers.tokens import FUNCTIONS, Gap, Token, Tokens

_MAX_BITS = 4_096
"""Larger numbers are left to the process that can be stopped."""
_MAX_FACTORIAL = 200

_SUM, _PRODUCT, _POWER, _ATOM = range(4)
_GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau "
    "upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega "
    "ell hbar triangle".split()
)
_RENAMED = frozenset(("gamma", "Gamma", "ell", "hbar", "triangle", "Upsilon"))
_NAMED_FUNCTIONS = frozenset("fghFGHP")
_WORDS = frozenset(CARDINALS) | frozenset(
    "no not yes and or is by to up per the add all any odd red tie win nor but if of it its so we "
    "you he she her his our out off non".split()
)
"""Short words that are no products of letters."""
_ARC = {"sin": "arcsin", "cos": "arccos", "tan": "arctan", "sec": "arcsec", "csc": "arccsc"}
_MANY_ARGUMENTS: dict[str, Callable[..., Fraction]] = {
    "max": max,
    "min": min,
    "gcd": lambda *of: Fraction(math.gcd(*map(_whole, of))),
    "lcm": lambda *of: Fraction(math.lcm(*map(_whole, of))),
}


@dataclass(frozen=True)
class Expression:
    """One expression as LaTeX with a single reading.

    exact: its value where that is rational and of moderate size. letters: whether it has a variable
    in it (pi, e and i are none). digits: significant digits of a plain decimal number.
    """

    latex: str
    exact: Fraction | None = None
    letters: bool = False
    level: int = _ATOM
    digits: int | None = None

    def at(self, level: int) -> str:
        """Its LaTeX, in brackets where it binds less than `level`."""
        return self.latex if self.level >= level else f"({self.latex})"


def number(value: Fraction, digits: int | None = None) -> Expression:
    """An exact number."""
    above = abs(value.numerator)
    plain = str(above) if value.denominator == 1 else f"\\frac{{{above}}}{{{value.denominator}}}"
    if value < 0:
        return Expression(f"-{plain}", value, level=_SUM, digits=digits)
    return Expression(plain, value, digits=digits)


def expression_of(tokens: Tokens) -> Expression:
    """All of the tokens as one expression.

    Raises:
        UnreadError: they are none.
    """
    parser = _Parser(tokens)
    found = parser.sum()
    if parser.at < len(tokens):
        raise UnreadError(f"{described(tokens[parser.at :])} after an expression")
    return found


def described(tokens: Tokens) -> str:
    """The tokens as a person may read them, for messages."""
    return " ".join(token.text or "{...}" for token in tokens[:8]) or "nothing"


class _Parser:
    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.at = 0

    @property
    def next(self) -> Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def take(self) -> Token:
        if self.at >= len(self.tokens):
            raise UnreadError("an expression that breaks off")
        self.at += 1
        return self.tokens[self.at - 1]

    def sign(self, *signs: str) -> str | None:
        """The sign that stands next, if it is one of these; it is taken."""
        token = self.next
        if token is not None and token.is_sign(*signs):
            self.at += 1
            return token.text
        return None

    def sum(self) -> Expression:
        sign = self.sign("+", "-")
        total = self.product()
        if sign == "-":
            total = _negative(total)
        while sign := self.sign("+", "-"):
            after = self.sign("+", "-")  # "3 + -2"
            term = self.product()
            total = _plus(total, _negative(term) if (sign == "-") != (after == "-") else term)
        return total

    def product(self) -> Expression:
        total = self.juxtaposed()
        while (token := self.next) is not None:
            if token.is_sign("*") or token.is_command("cdot"):
                self.at += 1
                total = _times(total, self.signed())
            elif token.is_sign("/") or token.is_command("div"):
                self.at += 1
                total = _over(total, self.signed())
            elif token.is_command("mod"):
                self.at += 1
                total = _modulo(total, self.juxtaposed())
            else:
                break
        return total

    def signed(self) -> Expression:
        """A factor after an operator, which may have a sign of its own."""
        sign = self.sign("+", "-")
        of = self.juxtaposed()
        return _negative(of) if sign == "-" else of

    def juxtaposed(self) -> Expression:
        """Factors with no sign between them: 2ab, 2(x + 1), 3\\frac12 (which is 3.5)."""
        start = self.next
        total = self.factor()
        plain = start is not None and start.kind == "number"
        while (token := self.next) is not None and _begins_factor(token):
            if token.is_sign("|") and self.in_bars:
                break
            if plain and token.kind == "number":
                total, plain = self.mixed(total), False
                continue
            if plain and token.is_command("frac") and (part := _proper(token)) is not None:
                if total.exact is None or total.exact.denominator != 1:
                    raise UnreadError("a mixed number without a whole part")
                self.at += 1
                total, plain = number(total.exact + part), False
                continue
            if token.kind == "number":
                raise UnreadError(f"the number {token.text} right after another factor")
            plain = False
            total = _times(total, self.factor())
        return total

    in_bars = False

    def mixed(self, whole: Expression) -> Expression:
        """`3 1/2`, of which the 3 was read."""
        above, slash, below = (*self.tokens[self.at : self.at + 3], None, None, None)[:3]
        if (
            above is None or slash is None or below is None
            or whole.exact is None or whole.exact.denominator != 1
            or above.gap not in (Gap.SPACE, Gap.THIN)
            or not slash.is_sign("/") or below.kind != "number"
            or not (above.text.isdigit() and below.text.isdigit())
            or not 0 < int(above.text) < int(below.text)
        ):  # fmt: skip
            raise UnreadError(f"the number {above.text if above else ''} after another number")
        self.at += 3
        return number(whole.exact + Fraction(int(above.text), int(below.text)))

    def factor(self) -> Expression:
        base = self.atom()
        while (token := self.next) is not None:
            if token.is_sign("!"):
                self.at += 1
                base = _factorial(base)
            elif token.is_sign("%"):
                self.at += 1
                base = _over(base, number(Fraction(100)))
            elif token.is_sign("^"):
                self.at += 1
                base = self.raised(base)
            else:
                break
        return base

    def raised(self, base: Expression) -> Expression:
        exponent = self.take()
        if exponent.is_command("circ") or (
            exponent.kind == "group" and len(exponent.inner) == 1
            and exponent.inner[0].is_command("circ")
        ):  # fmt: skip
            return _times(base, Expression(r"\frac{\pi}{180}"))
        if exponent.kind in ("group", "bracket"):
            return _power(base, expression_of(exponent.inner))
        if exponent.is_sign("-"):
            return _power(base, _negative(self.plain_atom()))
        self.at -= 1
        return _power(base, self.plain_atom())

    def plain_atom(self) -> Expression:
        """The exponent after a bare ^: a number, a letter or a command."""
        token = self.next
        if token is not None and token.kind == "run" and len(token.text) > 1:
            raise UnreadError(f"the exponent {token.text}")
        return self.atom()

    def atom(self) -> Expression:  # noqa: PLR0911
        token = self.take()
        if token.kind == "number":
            return self.number(token)
        if token.kind == "run" or (token.kind == "text" and len(token.text) == 1):
            return self.letters(token)
        if token.kind == "group" or (token.kind == "bracket" and token.text in ("()", "[]")):
            inner = expression_of(token.inner)
            return inner if token.kind == "group" else replace(inner, digits=None)
        if token.kind == "matrix":
            return _matrix(token)
        if token.is_sign("|"):
            return self.absolute()
        if token.kind == "command":
            return self.command(token)
        raise UnreadError(described((token,)))

    def number(self, token: Token) -> Expression:
        text = token.text
        point = self.next
        if "." not in text and point is not None and point.is_sign(".") and point.gap is Gap.NONE:
            over = self.tokens[self.at + 1] if self.at + 1 < len(self.tokens) else None
            if over is not None and over.is_command("overline"):
                self.at += 1
                text += "."
        after = self.next
        if "." in text and after is not None and after.is_command("overline"):
            self.at += 1
            return number(_repeating(text, after.inner))
        value = Fraction(text.rstrip("."))
        digits = len(text.replace(".", "").lstrip("0")) if "." in text else None
        if (exponent := self.exponent()) is not None:
            if abs(exponent) > _MAX_BITS // 4:
                raise UnreadError("a number with so large an exponent")
            return number(value * Fraction(10) ** exponent, digits)
        return number(value, digits)

    def exponent(self) -> int | None:
        """The exponent of 1.2e3; nothing is taken where there is none."""
        letter, *rest = (*self.tokens[self.at : self.at + 3], None, None, None)
        if letter is None or letter.kind != "run" or letter.text not in ("e", "E") or letter.gap:
            return None
        sign = rest[0] is not None and rest[0].is_sign("+", "-") and not rest[0].gap
        digits = rest[1] if sign else rest[0]
        if digits is None or digits.kind != "number" or digits.gap or not digits.text.isdigit():
            return None
        self.at += 3 if sign else 2
        negative = sign and rest[0] is not None and rest[0].text == "-"
        if len(digits.text) > 6:
            raise UnreadError("a number with so large an exponent")
        return -int(digits.text) if negative else int(digits.text)

    def letters(self, token: Token) -> Expression:
        """A run of letters is a product; a subscript or prime belongs to the last of them."""
        if len(token.text) > 3 or not token.text.isascii() or token.word in _WORDS:
            raise UnreadError(f"the word {token.text}")
        *before, last = token.text
        total: Expression | None = None
        for letter in before:
            total = _symbol(letter) if total is None else _times(total, _symbol(letter))
        name = self.decorated(last)
        argument = self.next
        if (
            total is None and last in _NAMED_FUNCTIONS and argument is not None
            and argument.kind == "bracket" and argument.text == "()" and not argument.gap
        ):  # fmt: skip
            self.at += 1
            of = expression_of(argument.inner)
            return Expression(f"{name}({of.latex})", letters=True)
        found = _symbol(last) if name == last else Expression(name, letters=True)
        # "ab^2": the power is of b alone, so the letters before wait for it
        if total is not None:
            return _times(total, self.with_powers(found))
        return found

    def with_powers(self, base: Expression) -> Expression:
        while self.next is not None and self.next.is_sign("^"):
            self.at += 1
            base = self.raised(base)
        return base

    def decorated(self, name: str) -> str:
        """The name with the subscript and primes that follow, as one symbol."""
        extra = ""
        while (token := self.next) is not None:
            if token.is_sign("_"):
                self.at += 1
                of = self.take()
                extra += "sub" + _name_of(of.inner if of.kind == "group" else (of,))
            elif token.is_sign("'"):
                self.at += 1
                extra += "prime"
            else:
                break
        return f"\\mathrm{{{name}{extra}}}" if extra else name

    def absolute(self) -> Expression:
        start = self.at
        end = next((i for i in range(start, len(self.tokens)) if self.tokens[i].is_sign("|")), None)
        if end is None:
            raise UnreadError("a | that is never closed")
        of = expression_of(self.tokens[start:end])
        self.at = end + 1
        if of.exact is not None:
            return number(abs(of.exact))
        return replace(of, latex=f"|{of.latex}|", level=_ATOM)

    def command(self, token: Token) -> Expression:  # noqa: PLR0911
        name = token.text
        if name == "frac":
            return _over(expression_of(token.parts[0]), expression_of(token.parts[1]))
        if name == "binom":
            return _binomial(expression_of(token.parts[0]), expression_of(token.parts[1]))
        if name == "sqrt":
            index = expression_of(token.parts[1]) if token.parts[1] else number(Fraction(2))
            return _root(expression_of(token.parts[0]), index)
        if name == "pi":
            return Expression(r"\pi")
        if name == "infty":
            return Expression(r"\infty")
        if name in _GREEK:
            plain = f"\\mathrm{{{name}letter}}" if name in _RENAMED else f"\\{name}"
            decorated = self.decorated(name)
            return Expression(plain if decorated == name else decorated, letters=True)
        if name in ("overline", "hat", "vec", "tilde", "dot"):
            return Expression(f"\\mathrm{{{name}of{_name_of(token.inner)}}}", letters=True)
        if name in ("lfloor", "lceil"):
            return self.rounded(name)
        if name in FUNCTIONS:
            return self.function(name)
        raise UnreadError(f"\\{name}")

    def rounded(self, name: str) -> Expression:
        closing = "rfloor" if name == "lfloor" else "rceil"
        start = self.at
        for end in range(start, len(self.tokens)):
            if self.tokens[end].is_command(closing):
                break
        else:
            raise UnreadError(f"\\{name} without \\{closing}")
        of = expression_of(self.tokens[start:end])
        self.at = end + 1
        if of.exact is not None:
            value = math.floor(of.exact) if name == "lfloor" else math.ceil(of.exact)
            return number(Fraction(value))
        return replace(of, latex=f"\\{name} {of.latex} \\{closing}", level=_ATOM)

    def function(self, name: str) -> Expression:
        base, power = "", None
        while self.next is not None and self.next.is_sign("^", "_"):
            which = self.take().text
            of = self.take()
            inner = expression_of(of.inner if of.kind == "group" else (of,))
            if which == "_":
                base = f"_{{{inner.latex}}}"
            else:
                power = inner
        if name in _MANY_ARGUMENTS:
            return self.many_arguments(name)
        if power is not None and power.exact == -1 and name in _ARC:
            name, power = _ARC[name], None
        argument = self.argument()
        found = replace(argument, latex=f"\\{name}{base}({argument.latex})", exact=None, level=_ATOM)
        found = replace(found, digits=None)
        return found if power is None else _power(found, power)

    def argument(self) -> Expression:
        """Of a function: a bracket, or the factors up to the next sign or function."""
        token = self.next
        if token is not None and token.kind in ("bracket", "group"):
            return self.factor()
        sign = self.sign("-", "+")
        total: Expression | None = None
        while (token := self.next) is not None and _begins_factor(token):
            if token.kind == "command" and token.text in FUNCTIONS and total is not None:
                break
            if token.is_sign("|") and self.in_bars:
                break
            if total is not None and token.kind == "number":
                break
            factor = self.factor()
            total = factor if total is None else _times(total, factor)
        if total is None:
            raise UnreadError("a function without an argument")
        return _negative(total) if sign == "-" else total

    def many_arguments(self, name: str) -> Expression:
        bracket = self.take()
        if bracket.kind != "bracket":
            raise UnreadError(f"\\{name} without brackets")
        parts: list[list[Token]] = [[]]
        for token in bracket.inner:
            if token.is_sign(","):
                parts.append([])
            else:
                parts[-1].append(token)
        values = [expression_of(tuple(part)).exact for part in parts]
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            raise UnreadError(f"\\{name} of what is not a number")
        return number(Fraction(_MANY_ARGUMENTS[name](*known)))


def _begins_factor(token: Token) -> bool:
    if token.kind in ("number", "run", "group", "bracket", "matrix"):
        return True
    if token.kind == "text":
        return len(token.text) == 1
    if token.kind == "sign":
        return token.text == "|"
    return token.text in FUNCTIONS | _GREEK | {
        "frac", "binom", "sqrt", "pi", "infty", "overline", "hat", "vec", "tilde", "dot",
        "lfloor", "lceil",
    }  # fmt: skip


def _symbol(letter: str) -> Expression:
    if letter == "e":
        return Expression("e")
    if letter == "i":
        return Expression("I")  # what math-verify's parser takes for the imaginary unit
    return Expression(r"\mathrm{Iletter}" if letter == "I" else letter, letters=True)


def _name_of(tokens: Tokens) -> str:
    name = "".join(token.text if token.kind != "group" else _name_of(token.inner) for token in tokens)
    if not name.isalnum() or not name.isascii():
        raise UnreadError(f"the name {described(tokens)}")
    return name


def _repeating(start: str, repeated: Tokens) -> Fraction:
    """0.1 and 6 repeated: 1/6."""
    whole, _, fixed = start.partition(".")
    digits = repeated[0].text if len(repeated) == 1 and repeated[0].kind == "number" else ""
    if not digits.isdigit():
        raise UnreadError("a line over what is not digits")
    scale = 10 ** len(fixed)
    value = Fraction(int(whole or "0") * scale + int(fixed or "0"), scale)
    return value + Fraction(int(digits), scale * (10 ** len(digits) - 1))


def _proper(token: Token) -> Fraction | None:
    r"""The part in 3\frac{1}{2}; None of a fraction that a whole number multiplies."""
    texts = [part[0].text if len(part) == 1 and part[0].kind == "number" else "" for part in token.parts]
    if not all(text.isdigit() for text in texts):
        return None
    above, below = map(int, texts)
    return Fraction(above, below) if 0 < above < below else None


def _matrix(token: Token) -> Expression:
    columns = int(token.text)
    cells = [expression_of(part) for part in token.parts]
    rows = [cells[i : i + columns] for i in range(0, len(cells), columns)]
    body = r" \\ ".join(" & ".join(cell.latex for cell in row) for row in rows)
    latex = f"\\begin{{pmatrix}} {body} \\end{{pmatrix}}"
    return Expression(latex, letters=any(cell.letters for cell in cells))


def _small(value: Fraction) -> bool:
    return max(value.numerator.bit_length(), value.denominator.bit_length()) <= _MAX_BITS


def _of(latex: str, level: int, *parts: Expression) -> Expression:
    return Expression(latex, letters=any(part.letters for part in parts), level=level)


def _negative(of: Expression) -> Expression:
    if of.exact is not None:
        return number(-of.exact, of.digits)
    return _of(f"-{of.at(_PRODUCT)}", _SUM, of)


def _plus(a: Expression, b: Expression) -> Expression:
    if a.exact is not None and b.exact is not None:
        return number(a.exact + b.exact)
    if b.latex.startswith("-"):
        return _of(f"{a.latex} - {b.latex[1:]}", _SUM, a, b) if _one_term(b) else _of(
            f"{a.latex} + ({b.latex})", _SUM, a, b
        )
    return _of(f"{a.latex} + {b.latex}", _SUM, a, b)


def _one_term(negative: Expression) -> bool:
    return " + " not in negative.latex and " - " not in negative.latex


def _times(a: Expression, b: Expression) -> Expression:
    if a.exact is not None and b.exact is not None and _small(a.exact) and _small(b.exact):
        return number(a.exact * b.exact)
    return _of(f"{a.at(_PRODUCT)} \\cdot {b.at(_PRODUCT)}", _PRODUCT, a, b)


def _over(a: Expression, b: Expression) -> Expression:
    if b.exact == 0:
        raise UnreadError("a division by 0")
    if a.exact is not None and b.exact is not None and _small(a.exact) and _small(b.exact):
        return number(a.exact / b.exact)
    return _of(f"\\frac{{{a.latex}}}{{{b.latex}}}", _ATOM, a, b)


def _modulo(a: Expression, b: Expression) -> Expression:
    if a.exact is None or not b.exact:
        raise UnreadError("a remainder of what is not a number")
    return number(a.exact % b.exact)


def _power(base: Expression, exponent: Expression) -> Expression:
    if base.exact is not None and exponent.exact is not None:
        if base.exact == 0 and exponent.exact < 0:
            raise UnreadError("a division by 0")
        value = _exact_power(base.exact, exponent.exact)
        if value is not None:
            return number(value)
    return _of(f"{base.at(_ATOM)}^{{{exponent.latex}}}", _POWER, base, exponent)


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


def _root(of: Expression, index: Expression) -> Expression:
    whole = index.exact
    if whole is not None and whole.denominator == 1 and 2 <= whole <= 64:
        if of.exact is not None and of.exact >= 0:
            root = Fraction(0) if of.exact == 0 else _exact_root(of.exact, int(whole))
            if root is not None:
                return number(root)
        latex = f"\\sqrt{{{of.latex}}}" if whole == 2 else f"\\sqrt[{whole}]{{{of.latex}}}"
        return _of(latex, _ATOM, of)
    return _of(f"\\sqrt[{index.latex}]{{{of.latex}}}", _ATOM, of, index)


def _factorial(of: Expression) -> Expression:
    if of.exact is not None:
        if of.exact < 0 or of.exact.denominator != 1:
            raise UnreadError("a factorial of what has none")
        if of.exact <= _MAX_FACTORIAL:
            return number(Fraction(math.factorial(int(of.exact))))
    return _of(f"{of.at(_ATOM)}!", _POWER, of)


def _binomial(n: Expression, k: Expression) -> Expression:
    if n.exact is not None and k.exact is not None:
        if n.exact.denominator == k.exact.denominator == 1 and 0 <= k.exact and n.exact <= 1000:
            return number(Fraction(math.comb(int(n.exact), int(k.exact)) if n.exact >= 0 else 0))
        raise UnreadError("a binomial coefficient of such numbers")
    return _of(f"\\binom{{{n.latex}}}{{{k.latex}}}", _ATOM, n, k)


def _whole(value: Fraction) -> int:
    if value.denominator != 1:
        raise UnreadError("a divisor of what is not a whole number")
    return int(value)
