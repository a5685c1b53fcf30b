"""Atoms of an expression: numbers, letters with subscripts, commands, functions, matrices."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from core.answers import arithmetic
from core.answers.arithmetic import ATOM, Expression, number
from core.answers.errors import UnreadError
from core.answers.latex_commands import FUNCTIONS
from core.answers.lexicon import CARDINALS
from core.answers.lexicon import words as listed
from core.answers.tokens import Gap, Token, Tokens

_MAX_EXPONENT = 1_000  # power of ten in 1e3
_GREEK = listed(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau "
    "upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega "
    "ell hbar triangle"
)
_RENAMED = frozenset(("gamma", "Gamma", "ell", "hbar", "triangle", "Upsilon"))
_NAMED_FUNCTIONS = frozenset("fghFGHP")
_WORDS = frozenset(CARDINALS) | listed(
    "no not yes and or is by to up per the add all any odd red tie win nor but if of it its so we "
    "you he she her his our out off non"
)
"""Short words that must not be read as products of letters."""
_ARC = {"sin": "arcsin", "cos": "arccos", "tan": "arctan", "sec": "arcsec", "csc": "arccsc"}
_MANY_ARGUMENTS: dict[str, Callable[..., Fraction]] = {
    "max": max,
    "min": min,
    "gcd": lambda *of: Fraction(math.gcd(*map(_integer, of))),
    "lcm": lambda *of: Fraction(math.lcm(*map(_integer, of))),
}


def described(tokens: Tokens) -> str:
    """The tokens as readable text, for messages."""
    return " ".join(token.text or "{...}" for token in tokens[:8]) or "nothing"


class AtomParser(ABC):
    """Reads the next atom of a token sequence; the subclass adds the operators."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.at = 0

    @property
    def next(self) -> Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def take(self) -> Token:
        """Consume and return the next token; raises UnreadError at the end."""
        if self.at >= len(self.tokens):
            raise UnreadError("an incomplete expression")
        self.at += 1
        return self.tokens[self.at - 1]

    def sign(self, *signs: str) -> str | None:
        """Consume and return the next token's sign if it is one of these, else None."""
        token = self.next
        if token is not None and token.is_sign(*signs):
            self.at += 1
            return token.text
        return None

    def atom(self) -> Expression:
        token = self.take()
        if token.kind == "number":
            return self.number(token)
        if token.kind == "run" or (token.kind == "text" and len(token.text) == 1):
            return self.letters(token)
        if token.kind == "group" or (token.kind == "bracket" and token.text in ("()", "[]")):
            inner = self.whole(token.inner)
            return inner if token.kind == "group" else replace(inner, digits=None)
        if token.kind == "matrix":
            return self.matrix(token)
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
            if abs(exponent) > _MAX_EXPONENT:
                raise UnreadError("an exponent that is too large")
            return number(value * Fraction(10) ** exponent, digits)
        return number(value, digits)

    def exponent(self) -> int | None:
        """Consume and return the exponent of 1.2e3; None if there is none."""
        parts = self.tokens[self.at : self.at + 3]
        if not parts or parts[0].kind != "run" or parts[0].text not in ("e", "E"):
            return None
        signed = len(parts) == 3 and parts[1].is_sign("+", "-")
        parts = parts if signed else parts[:2]
        digits = parts[-1]
        if digits.kind != "number" or not digits.text.isdigit() or any(each.gap for each in parts):
            return None
        self.at += len(parts)
        if len(digits.text) > 6:
            raise UnreadError("an exponent that is too large")
        return -int(digits.text) if parts[1].is_sign("-") else int(digits.text)

    def letters(self, token: Token) -> Expression:
        """A run of letters as a product; a subscript or prime belongs to the last letter."""
        if len(token.text) > 3 or not token.text.isascii() or token.word in _WORDS:
            raise UnreadError(f"the word {token.text}")
        before, last = token.text[:-1], token.text[-1]
        total: Expression | None = None
        for letter in before:
            total = _symbol(letter) if total is None else arithmetic.times(total, _symbol(letter))
        name = self.decorated(last)
        argument = self.next
        if (
            total is None and last in _NAMED_FUNCTIONS and argument is not None
            and argument.kind == "bracket" and argument.text == "()" and not argument.gap
        ):  # fmt: skip
            self.at += 1
            of = self.whole(argument.inner)
            return Expression(f"{name}({of.latex})", letters=True)
        found = _symbol(last) if name == last else Expression(name, letters=True)
        # In "ab^2" the power applies to b alone, so the earlier letters are multiplied afterwards.
        if total is not None:
            return arithmetic.times(total, self.with_powers(found))
        return found

    def with_powers(self, base: Expression) -> Expression:
        while self.next is not None and self.next.is_sign("^"):
            self.at += 1
            base = self.raised(base)
        return base

    def decorated(self, name: str) -> str:
        """The name with the subscripts and primes that follow, as one symbol."""
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
            raise UnreadError("a | without its closing |")
        of = self.whole(self.tokens[start:end])
        self.at = end + 1
        if of.exact is not None:
            return number(abs(of.exact))
        return replace(of, latex=f"|{of.latex}|", level=ATOM)

    def command(self, token: Token) -> Expression:
        name = token.text
        if name == "frac":
            return arithmetic.over(self.whole(token.parts[0]), self.whole(token.parts[1]))
        if name == "binom":
            return arithmetic.binomial(self.whole(token.parts[0]), self.whole(token.parts[1]))
        if name == "sqrt":
            index = self.whole(token.parts[1]) if token.parts[1] else number(Fraction(2))
            return arithmetic.root(self.whole(token.parts[0]), index)
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
        of = self.whole(self.tokens[start:end])
        self.at = end + 1
        if of.exact is not None:
            value = math.floor(of.exact) if name == "lfloor" else math.ceil(of.exact)
            return number(Fraction(value))
        return replace(of, latex=f"\\{name} {of.latex} \\{closing}", level=ATOM)

    def function(self, name: str) -> Expression:
        base, power = "", None
        while self.next is not None and self.next.is_sign("^", "_"):
            which = self.take().text
            of = self.take()
            inner = self.whole(of.inner if of.kind == "group" else (of,))
            if which == "_":
                base = f"_{{{inner.latex}}}"
            else:
                power = inner
        if name in _MANY_ARGUMENTS:
            return self.many_arguments(name)
        if power is not None and power.exact == -1 and name in _ARC:
            name, power = _ARC[name], None
        argument = self.argument()
        latex = f"\\{name}{base}({argument.latex})"
        found = Expression(latex, letters=argument.letters)
        return found if power is None else arithmetic.power(found, power)

    def argument(self) -> Expression:
        """The argument of a function: a bracket, or the factors up to the next sign or function."""
        token = self.next
        if token is not None and token.kind in ("bracket", "group"):
            return self.factor()
        sign = self.sign("-", "+")
        total: Expression | None = None
        while (token := self.next) is not None and begins_factor(token):
            if token.kind == "command" and token.text in FUNCTIONS and total is not None:
                break
            if total is not None and token.kind == "number":
                break
            factor = self.factor()
            total = factor if total is None else arithmetic.times(total, factor)
        if total is None:
            raise UnreadError("a function without an argument")
        return arithmetic.negative(total) if sign == "-" else total

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
        values = [self.whole(tuple(part)).exact for part in parts]
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            raise UnreadError(f"\\{name} of something that is not a number")
        return number(Fraction(_MANY_ARGUMENTS[name](*known)))

    def matrix(self, token: Token) -> Expression:
        columns = int(token.text)
        cells = [self.whole(part) for part in token.parts]
        rows = [cells[i : i + columns] for i in range(0, len(cells), columns)]
        body = r" \\ ".join(" & ".join(cell.latex for cell in row) for row in rows)
        latex = f"\\begin{{pmatrix}} {body} \\end{{pmatrix}}"
        return Expression(latex, letters=any(cell.letters for cell in cells))

    @abstractmethod
    def whole(self, tokens: Tokens) -> Expression:
        """Parse all of the tokens, the contents of a bracket or argument, as one expression."""

    @abstractmethod
    def factor(self) -> Expression:
        """Parse an atom with its factorials, percent signs and powers."""

    @abstractmethod
    def raised(self, base: Expression) -> Expression:
        """Parse the exponent that follows and apply it to `base`."""


def begins_factor(token: Token) -> bool:
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
        return Expression("I")  # the imaginary unit of math-verify's parser
    return Expression(r"\mathrm{Iletter}" if letter == "I" else letter, letters=True)


def _name_of(tokens: Tokens) -> str:
    name = "".join(
        _name_of(token.inner) if token.kind == "group" else token.text for token in tokens
    )
    if not name.isalnum() or not name.isascii():
        raise UnreadError(f"the name {described(tokens)}")
    return name


def _repeating(start: str, repeated: Tokens) -> Fraction:
    """A repeating decimal: 0.1 with 6 repeated is 1/6."""
    whole, _, fixed = start.partition(".")
    digits = repeated[0].text if len(repeated) == 1 and repeated[0].kind == "number" else ""
    if not digits.isdigit():
        raise UnreadError("a line over something other than digits")
    scale = 10 ** len(fixed)
    value = Fraction(int(whole or "0") * scale + int(fixed or "0"), scale)
    return value + Fraction(int(digits), scale * (10 ** len(digits) - 1))


def _integer(value: Fraction) -> int:
    if value.denominator != 1:
        raise UnreadError("a gcd or lcm of a number that is not whole")
    return int(value)
