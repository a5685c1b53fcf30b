"""Numbers and expressions with currency, scale, percent sign and unit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from core.answers.arithmetic import Expression, number
from core.answers.errors import UnreadError
from core.answers.expressions import expression_of
from core.answers.latex_commands import FUNCTIONS
from core.answers.lexicon import (
    CARDINALS,
    CURRENCY_SIGNS,
    MANY_PARTS,
    PARTS,
    PERCENT,
    SCALES,
    TENS,
    is_thing,
    unit_named,
)
from core.answers.lexicon import words as listed
from core.answers.tokens import Token, Tokens
from core.answers.units import Unit, unit_phrase

_CURRENCY_WORDS = listed("usd us eur gbp inr cny jpy rs a c hk cad aud")

_MAX_TAIL = 24  # tokens of a unit; twice the longest plausible one


@dataclass(frozen=True)
class Measured:
    """An expression with its unit; percent: it is followed by a percent sign."""

    expression: Expression
    unit: Unit = ()
    percent: bool = False


def measured(tokens: Tokens) -> Measured:
    """Parse all of the tokens as an expression with currency, scale, percent sign and unit.

    Raises:
        UnreadError: some tokens are neither.
    """
    negative, unit, tokens = _before(tokens)
    tokens = _without_spelled_value(tokens)
    last: UnreadError | None = None
    for end in _possible_ends(tokens):
        try:
            found = _with_tail(tokens[:end], tokens[end:])
        except UnreadError as error:
            last = last or error
            continue
        if unit and found.unit and all(power < 0 for _, power in found.unit):  # $18/year
            found = replace(found, unit=tuple(sorted((*unit, *found.unit))))
        elif unit and found.unit and not set(unit) <= set(found.unit):  # "$18 dollars"
            raise UnreadError("two units")
        if negative:
            found = replace(found, expression=_negated(found.expression))
        return replace(found, unit=found.unit or unit)
    raise last or UnreadError("nothing")


def _possible_ends(tokens: Tokens) -> list[int]:
    """Where the number may end, shortest first: a unit separated by a space is a unit."""
    ends = []
    for end in range(max(1, len(tokens) - _MAX_TAIL), len(tokens)):
        token = tokens[end]
        if token.kind in ("run", "text"):
            possible = not _is_variable(tokens[:end], token)
        elif token.is_sign("/"):  # $18/year
            possible = end + 1 < len(tokens) and _is_unit(tokens[end + 1])
        elif token.is_sign("^"):  # 90°
            possible = not any(_takes_degrees(each) for each in tokens[:end])
        else:
            possible = token.is_sign("%", *CURRENCY_SIGNS)
        if possible:
            ends.append(end)
    return [*ends, len(tokens)]


def _is_unit(token: Token) -> bool:
    return len(token.word) > 1 and (unit_named(token.word) is not None or is_thing(token.word))


def _takes_degrees(token: Token) -> bool:
    """Whether degrees after it may belong to its argument instead of the whole quantity."""
    return token.is_sign("^") or (token.kind == "command" and token.text in FUNCTIONS)


def _is_variable(core: Tokens, token: Token) -> bool:
    """Whether letters after a number are a factor; a unit separated by a space is not."""
    if token.kind == "text" and (len(token.text) > 1 or token.gap or unit_named(token.text)):
        return False
    if len(token.text) > 1:
        return not token.gap and core[-1].kind != "number"
    if token.text == "k":
        return not _is_thousands(core)
    return not token.gap or not all(
        each.kind in ("number", "group") or each.is_sign("-", "/", ".", "^")
        or each.is_command("frac", "cdot")
        for each in core
    )  # fmt: skip


def _is_thousands(core: Tokens) -> bool:
    """Whether k means thousand: in 18k and 1.5k, but 2k is twice k."""
    return len(core) == 1 and core[0].kind == "number" and (
        "." in core[0].text or len(core[0].text) > 1
    )  # fmt: skip


def _before(tokens: Tokens) -> tuple[bool, Unit, Tokens]:
    """The sign and currency in front, in either order; in "negative 5" the sign is a word."""
    negative = False
    unit: Unit = ()
    at = 0
    if tokens and tokens[0].word in ("negative", "minus", "positive") and len(tokens) > 1:
        negative, at = tokens[0].word != "positive", 1
        if tokens[1].is_sign("-", "+"):
            raise UnreadError("two signs")
    elif len(tokens) > 1 and tokens[0].is_sign("-", "+") and _is_currency(tokens, 1):
        negative, at = tokens[0].text == "-", 1
    if at < len(tokens) and (after := _is_currency(tokens, at)):
        sign = tokens[after - 1]
        unit = _unit_of(sign.text) if sign.kind == "sign" else _unit_of(sign.word)
        at = after
        if at < len(tokens) and tokens[at].is_sign("."):  # "Rs. 5"
            at += 1
        if at >= len(tokens):
            raise UnreadError("a currency without a number")
        if negative and tokens[at].is_sign("-", "+"):
            raise UnreadError("two signs")
    return negative, unit, tokens[at:]


def _is_currency(tokens: Tokens, at: int) -> int:
    """The index after the currency at `at`; 0 if there is none."""
    token = tokens[at]
    if token.kind == "sign" and token.text in CURRENCY_SIGNS:
        return at + 1
    if token.word in _CURRENCY_WORDS and at + 1 < len(tokens):
        if tokens[at + 1].is_sign("$"):
            return at + 2
        if len(token.word) > 1 and token.word != "us" and token.text != "rs":
            return at + 1
    return 0


def _unit_of(word: str) -> Unit:
    named = unit_named(word)
    return () if named is None else ((named[0], 1),)


def _without_spelled_value(tokens: Tokens) -> Tokens:
    """ "18 (eighteen)": words in brackets must repeat the number."""
    if len(tokens) < 2 or tokens[-1].kind != "bracket" or tokens[-1].text != "()":
        return tokens
    inner = tokens[-1].inner
    if not inner or any(token.kind not in ("run", "text", "sign") for token in inner):
        return tokens
    spelled = _cardinal(inner)
    if spelled is None:  # "18 (dollars)"
        return (*tokens[:-1], *inner) if all(len(token.word) > 1 for token in inner) else tokens
    if measured(tokens[:-1]).expression.exact != spelled:
        raise UnreadError("a number and a different one in words")
    return tokens[:-1]


def _with_tail(core: Tokens, tail: Tokens) -> Measured:
    value = _core(core, alone=not tail)
    at = 0
    while at < len(tail) and (factor := _scale(value, tail[at], len(tail) == at + 1)) is not None:
        value, at = _scaled(value, factor), at + 1
    percent = False
    if at < len(tail) and (tail[at].is_sign("%") or tail[at].word in PERCENT):
        percent, at = True, at + 1
    elif [token.word for token in tail[at : at + 2]] == ["per", "cent"]:
        percent, at = True, at + 2
    rest = tail[at:]
    if not rest:
        return Measured(value, (), percent)
    return Measured(value, unit_phrase(rest), percent)


def _core(tokens: Tokens, alone: bool) -> Expression:
    if not tokens:
        raise UnreadError("a unit without a number")
    if not alone and len(tokens) == 1 and tokens[0].word in ("a", "an"):  # "a half"
        return number(Fraction(1))
    if tokens[0].kind in ("run", "text") and (spelled := _cardinal(tokens)) is not None:
        return number(Fraction(spelled))
    found = expression_of(tokens)
    if r"\infty" in found.latex and found.latex not in (r"\infty", r"-\infty"):
        raise UnreadError("arithmetic with infinity")
    return found


def _cardinal(tokens: Tokens) -> int | None:
    """The number that words spell ("eighteen", "twenty-one"); None if they don't."""
    words = [token.word for token in tokens if not token.is_sign("-")]
    if len(words) == 1:
        return CARDINALS.get(words[0])
    if len(words) == 2 and words[0] in TENS and 0 < CARDINALS.get(words[1], 0) < 10:
        return TENS[words[0]] + CARDINALS[words[1]]
    return None


def _scale(value: Expression, token: Token, last: bool) -> Fraction | None:
    """The factor of a word such as "million" or "eighths" after a number."""
    if not token.word or value.exact is None:
        return None
    word = token.word
    if word == "k":
        return Fraction(1000) if token.text == "k" and last else None
    if word in SCALES:
        return Fraction(SCALES[word])
    if abs(value.exact) == 1 and word in PARTS:
        return PARTS[word]
    return MANY_PARTS.get(word) if value.exact.denominator == 1 else None


def _scaled(value: Expression, factor: Fraction) -> Expression:
    assert value.exact is not None
    return number(value.exact * factor, value.digits if factor.denominator == 1 else None)


def _negated(of: Expression) -> Expression:
    if of.exact is not None:
        return number(-of.exact, of.digits)
    return replace(of, latex=f"-({of.latex})", level=0)
