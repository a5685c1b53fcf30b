"""Answers that are not expressions: numerals with a base, times, words, LaTeX kept as written."""

from __future__ import annotations

from fractions import Fraction

from core.answers.errors import UnreadError
from core.answers.latex_commands import FUNCTIONS
from core.answers.lexicon import BASES, CARDINALS
from core.answers.lexicon import words as listed
from core.answers.tokens import Token, Tokens
from core.answers.values import Clock, Numeral, Raw, Words

_SHORT_WORDS = listed("yes no odd both none red tie win all any sat sun mon tue wed thu fri")
_RAW = listed("int sum prod lim iint oint mathbb cap setminus partial nabla to rightarrow")


def numeral_of(tokens: Tokens) -> Numeral | None:
    """A numeral with its base, 204_5; None without a base, or for a letter with an index."""
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
        raise UnreadError("a numeral with spaces in it")
    try:
        if 2 <= known <= 36:
            int(digits, known)
            return Numeral(digits.upper().lstrip("0") or "0", known)
    except ValueError:
        pass
    if digits[0].isdecimal():
        raise UnreadError(f"the base {named or '?'} of {digits}")
    return None


def clock_of(tokens: Tokens) -> Clock | None:
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


def short_words_of(tokens: Tokens) -> Words | None:
    """Short words, and names such as AB or IV, which must not be read as products of letters."""
    if len(tokens) != 1 or tokens[0].kind not in ("run", "text"):
        return None
    word = tokens[0].text
    if tokens[0].word in CARDINALS:
        return None
    capitals = len(word) > 1 and word.isupper()
    if capitals or word.casefold() in _SHORT_WORDS or (tokens[0].kind == "text" and len(word) > 1):
        return Words((word if capitals and len(word) < 4 else word.casefold(),))
    return None


def words_of(tokens: Tokens) -> Words | None:
    """Words, with numbers and punctuation among them; None for anything else."""
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
            inner = words_of(token.inner)
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


def raw_of(tokens: Tokens) -> Raw | None:
    """LaTeX with a command that only math-verify's parser handles; None without one."""
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
        raise UnreadError("a matrix beside integrals, sums or sets")
    if token.kind == "text" and len(token.text) > 1:
        raise UnreadError(f"the word {token.text}")
    if token.kind == "command":
        arguments = inner[:1] if token.text == "sqrt" else inner
        index = f"[{inner[1]}]" if token.text == "sqrt" and inner[1] else ""
        body = "".join(f"{{{each}}}" for each in arguments)
        return f"{space}\\{token.text}{index}{body or ' '}"
    return f"{space}{token.text}"
