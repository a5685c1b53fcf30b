"""An answer's text as a value: every token of it must be understood.

The order of the readings: a choice, a list, an equation or inequality, a union, brackets, a
numeral with its base, a time, a number or expression with its unit, words. The first that fits all
of the tokens is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

from core.answers.choices import choice_of
from core.answers.errors import UnreadError
from core.answers.lexicon import BASES, CARDINALS
from core.answers.lexicon import words as listed
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
from core.answers.tokens import FUNCTIONS, Token, Tokens, tokens_of
from core.answers.values import (
    Clock,
    Interval,
    Numeral,
    Ordered,
    Quantity,
    Raw,
    Several,
    Union,
    Value,
    Words,
)

MAX_ANSWER_CHARS = 2_000
"""A longer answer is refused unread; the longest gold answer of MATH-500 has 53 characters."""

_SHORT_WORDS = listed("yes no odd both none red tie win all any sat sun mon tue wed thu fri")
_RAW = listed("int sum prod lim iint oint mathbb cap setminus partial nabla to rightarrow")
_OPENERS = listed("so thus therefore hence now finally")
_ANSWER = listed("answer answers result solution solutions value total")
_SAYS = listed("is are was be equals equal to would should must approximately about exactly")
_ORNAMENTS = ("checkmark", "blacksquare", "square", "qed", "therefore")


@lru_cache(maxsize=4_096)
def read(answer: str) -> Value:
    """What an answer says.

    Raises:
        UnreadError: not all of it was understood.
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
    """All of the tokens as one value; raises as `read`."""
    tokens = _undressed(tokens)
    if not tokens:
        raise UnreadError("nothing")
    if (choice := choice_of(tokens, value_of)) is not None:
        return choice
    parts, joints = _listed(tokens)
    if len(parts) > 1:
        return together([_part(part) for part in parts], joints)
    return _part(tokens).value


def _part(tokens: Tokens) -> Part:
    """One element of a list, with the name that it is assigned to."""
    tokens = _exact_side(_undressed(tokens))
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
    for reading in (_numeral, _clock, _words_that_seem_products):
        found = reading(tokens)
        if found is not None:
            return found
    try:
        found_quantity = measured(tokens)
    except UnreadError as error:
        words = _words(tokens)
        if words is not None:
            return words
        raw = _raw(tokens)
        if raw is None:
            raise error from None
        return raw
    of = found_quantity.expression
    return Quantity(
        of.latex, of.exact, found_quantity.unit, found_quantity.percent, of.digits, of.letters
    )


# What stands around an answer


def _undressed(tokens: Tokens) -> Tokens:
    """Without groups around it, an introduction, and the signs that end a sentence."""
    while True:
        before = tokens
        if len(tokens) == 1 and tokens[0].kind == "group":
            tokens = tokens[0].inner
        while tokens and (
            tokens[-1].is_sign(".", ",", ";", ":", r"\\") or tokens[-1].is_command(*_ORNAMENTS)
        ):
            tokens = tokens[:-1]
        while len(tokens) > 1 and (
            tokens[0].is_sign("=", ":", ",", r"\\", "|-")
            or tokens[0].is_command("approx", "therefore", "implies", "Rightarrow", "rightarrow")
        ):
            tokens = tokens[1:]
        if len(tokens) > 2 and tokens[0].is_sign('"') and tokens[-1].is_sign('"'):
            tokens = tokens[1:-1]
        tokens = _introduced(tokens)
        if tokens == before:
            return tokens


def _introduced(tokens: Tokens) -> Tokens:
    """Without "so the final answer is", "it is", "approximately"."""
    words = [token.word for token in tokens]
    at = 0
    if words[at : at + 1] and words[at] in _OPENERS:
        at += 1
        at += len(tokens) > at and tokens[at].is_sign(",")
    start = at
    at += len(words) > at and words[at] in ("the", "my", "our")
    while len(words) > at and words[at] in ("final", "correct", "right"):
        at += 1
    if len(words) > at and words[at] in _ANSWER:
        at += 1
    elif words[start : start + 1] and words[start] in ("it", "this", "that", "there"):
        at = start + 1
        if len(words) <= at or words[at] not in ("is", "are", "was", "equals"):
            at = start
    elif len(words) > start and (words[start] in _SAYS or start):
        at = start
    else:
        return tokens
    while len(tokens) > at and (words[at] in _SAYS or tokens[at].is_sign(":", "=", ",")):
        at += 1
    return tokens[at:] if 0 < at < len(tokens) else tokens


def _exact_side(tokens: Tokens) -> Tokens:
    r"""`a \approx b` says a, and b is only a number nearby; `x \approx b` says b."""
    exact, *nearby = _split(tokens, "approx")
    if not nearby:
        return tokens
    if names_of(exact):
        exact, *nearby = nearby
    for part in nearby:
        value = value_of(part)
        if not isinstance(value, Quantity) or value.letters:
            raise UnreadError("what is no number after ≈")
    return _undressed(exact)


# Lists


def _listed(tokens: Tokens) -> tuple[list[Tokens], set[str]]:
    """The parts of a list, and what joins them: ",", "and", "or"."""
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
        raise UnreadError("a list that breaks off")
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
            raise UnreadError("an interval with more than two ends")
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


# Numerals, times, words


def _numeral(tokens: Tokens) -> Numeral | None:
    """204_5; None where no base stands at the end, or a letter has an index."""
    if len(tokens) < 3 or not tokens[-2].is_sign("_"):
        return None
    *before, _, base_token = tokens
    if len(before) == 1 and before[0].kind in ("bracket", "group"):
        before = list(before[0].inner)
    if any(each.kind not in ("number", "run", "text") for each in before):
        return None
    digits = "".join(each.text for each in before)
    of = base_token.inner if base_token.kind in ("group", "bracket") else (base_token,)
    named = "".join(each.text for each in of).casefold()
    known = BASES.get(named) or (int(named) if named.isdecimal() and len(named) < 4 else 0)
    has_digit = any(digit.isdecimal() for digit in digits)
    capitals = len(digits) > 1 and digits.isupper() and known > 10
    if not digits.isalnum() or not digits.isascii() or not (has_digit or capitals):
        return None
    if any(each.gap for each in before[1:]):
        raise UnreadError("a numeral in pieces")
    try:
        if 2 <= known <= 36:
            int(digits, known)
            return Numeral(digits.upper().lstrip("0") or "0", known)
    except ValueError:
        pass
    if digits[0].isdecimal():
        raise UnreadError(f"the base {named or '?'} of {digits}")
    return None


def _clock(tokens: Tokens) -> Clock | None:
    """6:30, 1:2:3, 6:30 p.m."""
    end = 1
    while end + 1 < len(tokens) and tokens[end].is_sign(":") and tokens[end + 1].kind == "number":
        end += 2
    if tokens[0].kind != "number" or (end == 1 and len(tokens) == 1):
        return None
    half = "".join(token.text for token in tokens[end:] if not token.is_sign(".")).casefold()
    if half not in ("", "am", "pm") or (end == 1 and not half):
        return None
    parts = tuple(Fraction(token.text) for token in tokens[:end:2])
    return Clock(parts if end > 1 else (*parts, Fraction(0)), half)


def _words_that_seem_products(tokens: Tokens) -> Words | None:
    """Short words, and names such as AB or IV, whose letters have an order."""
    if len(tokens) != 1 or tokens[0].kind not in ("run", "text"):
        return None
    word = tokens[0].text
    if tokens[0].word in CARDINALS:
        return None
    capitals = len(word) > 1 and word.isupper()
    if capitals or word.casefold() in _SHORT_WORDS or (tokens[0].kind == "text" and len(word) > 1):
        return Words((word if capitals and len(word) < 4 else word.casefold(),))
    return None


def _words(tokens: Tokens) -> Words | None:
    """Words, with the numbers and punctuation among them; None of anything else."""
    said: list[str] = []
    sure = False
    for token in tokens:
        if token.kind in ("run", "text", "number"):
            glued = said and not token.gap and token.kind != "number"
            said.append(token.text.casefold())
            sure |= token.kind != "number" and (
                len(token.text) > 3 or token.word in _SHORT_WORDS or token.kind == "text"
                or bool(glued and len(said) > 1)
            ) and token.text not in FUNCTIONS  # fmt: skip
        elif token.kind == "bracket" and token.text == "()":
            inner = _words(token.inner)
            if inner is None:
                return None
            said += ["(", *inner.words, ")"]
        elif not token.is_sign(".", "'", "-", "/", ":", '"', "?", "%", "and"):
            return None
        elif token.is_sign("/", ":", "?", "%"):
            said.append(token.text)
    if len(said) > 1 and said[0] in ("a", "an", "the"):
        said = said[1:]
    return Words(tuple(said)) if sure else None


def _raw(tokens: Tokens) -> Raw | None:
    """LaTeX with a sign that only math-verify's parser knows; None of what has none."""
    if not any(_has_raw(token) for token in tokens):
        return None
    return Raw("".join(map(_latex, tokens)).strip())


def _has_raw(token: Token) -> bool:
    return token.is_command(*_RAW) or any(_has_raw(each) for part in token.parts for each in part)


def _latex(token: Token) -> str:
    space = " " if token.gap else ""
    inner = ["".join(map(_latex, part)) for part in token.parts]
    if token.kind == "group":
        return f"{space}{{{inner[0]}}}"
    if token.kind == "bracket":
        signs = [rf"\{sign}" if sign in "{}" else sign for sign in token.text]
        return f"{space}{signs[0]}{inner[0]}{signs[1]}"
    if token.kind == "matrix":
        raise UnreadError("a matrix in such an expression")
    if token.kind == "text" and len(token.text) > 1:
        raise UnreadError(f"the word {token.text}")
    if token.kind == "command":
        arguments = inner[:1] if token.text == "sqrt" else inner
        index = f"[{inner[1]}]" if token.text == "sqrt" and inner[1] else ""
        body = "".join(f"{{{each}}}" for each in arguments)
        return f"{space}\\{token.text}{index}{body or ' '}"
    return f"{space}{token.text}"
