"""Parse an answer's text into a value; every token must be understood.

Tried in this order: a choice, a list, an equation or inequality, a union, brackets, a numeral with
its base, a time, a number or expression with its unit, words. The first that fits all tokens wins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from core.answers.choices import choice_of
from core.answers.errors import UnreadError
from core.answers.introductions import without_introduction
from core.answers.literals import clock_of, numeral_of, raw_of, short_words_of, words_of
from core.answers.numbering import with_thousands
from core.answers.quantities import measured
from core.answers.relations import (
    Part,
    equation_of,
    inequality_of,
    names_of,
    relation_signs,
    together,
)
from core.answers.tokeniser import tokens_of
from core.answers.tokens import Token, Tokens
from core.answers.values import (
    Interval,
    Ordered,
    Quantity,
    Several,
    Union,
    Value,
)

MAX_ANSWER_CHARS = 2_000
"""Longer answers are rejected unread; the longest gold answer of MATH-500 has 53 characters."""


@lru_cache(maxsize=4_096)
def parse_answer(answer: str) -> Value:
    """Parse an answer.

    Raises:
        UnreadError: some of it was not understood.
    """
    if len(answer) > MAX_ANSWER_CHARS:
        raise UnreadError(f"more than {MAX_ANSWER_CHARS:,} characters")
    if any("\ud800" <= sign <= "\udfff" for sign in answer):
        raise UnreadError("half a character (a lone surrogate)")
    try:
        return value_of(with_thousands(tokens_of(answer)))
    except RecursionError:
        raise UnreadError("an answer nested too deeply") from None


def value_of(tokens: Tokens) -> Value:
    """Parse all of the tokens as one value; raises as `parse_answer`."""
    tokens = without_introduction(tokens)
    if not tokens:
        raise UnreadError("an empty answer")
    if (choice := choice_of(tokens, value_of)) is not None:
        return choice
    parts, joints = _listed(tokens)
    if len(parts) > 1:
        return together([_part(part) for part in parts], joints)
    return _part(tokens).value


def _part(tokens: Tokens) -> Part:
    """One element of a list, with the name it is assigned to."""
    tokens = _exact_side(without_introduction(tokens))
    if not tokens:
        raise UnreadError("an empty part of a list")
    signs = relation_signs(tokens)
    plus_minus = any(token.is_command("pm", "mp") for token in tokens)
    if signs == {"="}:
        return replace(equation_of(tokens, value_of), plus_minus=plus_minus)
    if signs:
        return inequality_of(tokens, value_of)
    if (choice := choice_of(tokens, value_of)) is not None:
        return Part(choice)
    return Part(_single(tokens), plus_minus=plus_minus)


def _single(tokens: Tokens) -> Value:
    if any(token.is_command("cup") for token in tokens):
        return Union(tuple(map(value_of, _split(tokens, "cup"))))
    if any(token.is_command("pm", "mp") for token in tokens):
        return Several((value_of(_signed(tokens, "+")), value_of(_signed(tokens, "-"))))
    if len(tokens) == 1 and tokens[0].is_command("emptyset"):
        return Several(())
    if len(tokens) == 1 and tokens[0].kind == "bracket":
        return _bracketed(tokens[0])
    for reading in (numeral_of, clock_of, short_words_of):
        found = reading(tokens)
        if found is not None:
            return found
    try:
        found_quantity = measured(tokens)
    except UnreadError as error:
        words = words_of(tokens)
        if words is not None:
            return words
        raw = raw_of(tokens)
        if raw is None:
            raise error from None
        return raw
    of = found_quantity.expression
    return Quantity(
        of.latex, of.exact, found_quantity.unit, found_quantity.percent, of.digits, of.letters
    )


def _exact_side(tokens: Tokens) -> Tokens:
    r"""The exact side of an approximation: a of `a \approx b`, but b of `x \approx b`."""
    exact, *nearby = _split(tokens, "approx")
    if not nearby:
        return tokens
    if names_of(exact):
        exact, *nearby = nearby
    for part in nearby:
        value = value_of(part)
        if not isinstance(value, Quantity) or value.letters:
            raise UnreadError("something other than a number after ≈")
    return without_introduction(exact)


# Lists


def _listed(tokens: Tokens) -> tuple[list[Tokens], set[str]]:
    """The parts of a list, and the separators found: ",", "and", "or"."""
    parts: list[list[Token]] = [[]]
    joints: set[str] = set()
    for token in tokens:
        joint = _joint(token)
        if joint:
            joints.add(joint)
            if parts[-1]:
                parts.append([])
            elif joint in ("and", "or") and len(parts) == 1:
                raise UnreadError(f"“{joint}” at the start")
            elif joint == ",":
                raise UnreadError("an empty part of a list")
        else:
            parts[-1].append(token)
    if len(parts) > 1 and not parts[-1]:
        raise UnreadError("an incomplete list")
    return [tuple(part) for part in parts], joints


def _joint(token: Token) -> str:
    if token.is_sign(",", ";", r"\\"):
        return ","
    if token.word in ("and", "or"):
        return token.word
    if token.is_sign("and", "&") or token.is_command("land", "wedge"):
        return "and"
    return "or" if token.is_command("lor", "vee") else ""


def _split(tokens: Sequence[Token], command: str) -> list[Tokens]:
    parts: list[list[Token]] = [[]]
    for token in tokens:
        if token.is_command(command):
            parts.append([])
        else:
            parts[-1].append(token)
    return [tuple(part) for part in parts]


def _signed(tokens: Tokens, sign: str) -> Tokens:
    other = "-" if sign == "+" else "+"
    return tuple(
        Token("sign", sign if token.text == "pm" else other, token.gap)
        if token.is_command("pm", "mp")
        else token
        for token in tokens
    )


# Brackets


def _bracketed(bracket: Token) -> Value:
    inner = bracket.inner
    if bracket.text == "{}":
        for at, token in enumerate(inner):
            if token.is_sign("|", ":"):  # {x | x > 2}
                return inequality_of(inner[at + 1 :], value_of).value
        if not inner:
            return Several(())
        return Several(tuple(_elements(inner)))
    parts, joints = _listed(inner)
    if len(parts) == 1:
        if bracket.text not in ("()", "[]"):
            raise UnreadError("an interval with one end")
        return _part(inner).value
    if joints != {","}:
        raise UnreadError("words in brackets")
    values = [_part(part).value for part in parts]
    if bracket.text == "()" or len(values) != 2:
        if bracket.text not in ("()", "[]"):
            raise UnreadError("an interval with more than two endpoints")
        return Ordered(tuple(values))
    return Interval(values[0], values[1], bracket.text[0] == "(", bracket.text[1] == ")")


def _elements(tokens: Tokens) -> list[Value]:
    found: list[Value] = []
    for part in _listed(tokens)[0]:
        element = _part(part)
        value = element.value
        spread = element.plus_minus and isinstance(value, Several)
        found += value.items if spread and isinstance(value, Several) else [value]
    return found
