r"""Parse tokens into an expression: LaTeX with a single reading, and an exact value.

math-verify's parser reads "2(3)" as a mixed number, drops primes and degrees, and reads some
letters as imaginary units. So its input is written out: every product with \cdot, every argument
in brackets, every decimal as a fraction. Rational values are computed here, exactly.
"""

from __future__ import annotations

from fractions import Fraction

from core.answers import arithmetic
from core.answers.arithmetic import Expression, number
from core.answers.atoms import AtomParser, begins_factor, described
from core.answers.errors import UnreadError
from core.answers.tokens import Gap, Token, Tokens


def expression_of(tokens: Tokens) -> Expression:
    """Parse all of the tokens as one expression.

    Raises:
        UnreadError: they are not one expression.
    """
    parser = _Parser(tokens)
    found = parser.sum()
    if parser.at < len(tokens):
        raise UnreadError(f"{described(tokens[parser.at :])} after an expression")
    return found


class _Parser(AtomParser):
    def whole(self, tokens: Tokens) -> Expression:
        return expression_of(tokens)

    def sum(self) -> Expression:
        sign = self.sign("+", "-")
        total = self.product()
        if sign == "-":
            total = arithmetic.negative(total)
        while sign := self.sign("+", "-"):
            second = self.next
            after = self.sign("+", "-")  # "3 + -2"
            if sign == after == "-" and second is not None and not second.gap:
                raise UnreadError("--, which may be a range or a double minus")
            term = self.product()
            total = arithmetic.plus(
                total, arithmetic.negative(term) if (sign == "-") != (after == "-") else term
            )
        return total

    def product(self) -> Expression:
        total = self.juxtaposed()
        while (token := self.next) is not None:
            if token.is_sign("*") or token.is_command("cdot"):
                self.at += 1
                total = arithmetic.times(total, self.signed())
            elif token.is_sign("/") or token.is_command("div"):
                self.at += 1
                total = arithmetic.over(total, self.signed())
            elif token.is_command("mod"):
                self.at += 1
                total = arithmetic.modulo(total, self.juxtaposed())
            else:
                break
        return total

    def signed(self) -> Expression:
        """A factor after an operator, which may have a sign of its own."""
        sign = self.sign("+", "-")
        of = self.juxtaposed()
        return arithmetic.negative(of) if sign == "-" else of

    def juxtaposed(self) -> Expression:
        """Factors without a sign between them, 2ab or 2(x + 1); mixed numbers, 3\\frac12 = 3.5."""
        start = self.next
        total = self.factor()
        plain = start is not None and start.kind == "number"
        while (token := self.next) is not None and begins_factor(token):
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
            total = arithmetic.times(total, self.factor())
        return total

    def mixed(self, whole: Expression) -> Expression:
        """The mixed number `3 1/2`, after its whole part was read."""
        above, *rest = self.tokens[self.at : self.at + 3]
        error = UnreadError(f"the number {above.text} after another number")
        if len(rest) < 2 or whole.exact is None or whole.exact.denominator != 1:
            raise error
        slash, below = rest
        if above.gap not in (Gap.SPACE, Gap.THIN) or not slash.is_sign("/"):
            raise error
        if below.kind != "number" or not (above.text.isdigit() and below.text.isdigit()):
            raise error
        if not 0 < int(above.text) < int(below.text):
            raise error
        self.at += 3
        return number(whole.exact + Fraction(int(above.text), int(below.text)))

    def factor(self) -> Expression:
        base = self.atom()
        while (token := self.next) is not None:
            if token.is_sign("!"):
                self.at += 1
                base = arithmetic.factorial(base)
            elif token.is_sign("%"):
                self.at += 1
                base = arithmetic.over(base, number(Fraction(100)))
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
            return arithmetic.times(base, Expression(r"\frac{\pi}{180}"))
        if exponent.kind in ("group", "bracket"):
            return arithmetic.power(base, expression_of(exponent.inner))
        if exponent.is_sign("-"):
            return arithmetic.power(base, arithmetic.negative(self.plain_atom()))
        self.at -= 1
        return arithmetic.power(base, self.plain_atom())

    def plain_atom(self) -> Expression:
        """The exponent after a bare ^: a number, a letter or a command."""
        token = self.next
        if token is not None and token.kind == "run" and len(token.text) > 1:
            raise UnreadError(f"the exponent {token.text}")
        return self.atom()


def _proper(token: Token) -> Fraction | None:
    r"""The fraction of a mixed number 3\frac{1}{2}; None for a fraction that multiplies."""
    digits = [
        part[0].text if len(part) == 1 and part[0].kind == "number" else "" for part in token.parts
    ]
    if not all(each.isdigit() for each in digits):
        return None
    above, below = map(int, digits)
    return Fraction(above, below) if 0 < above < below else None
