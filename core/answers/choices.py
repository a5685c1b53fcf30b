"""Parse choices of a multiple-choice question: "(B)", "B) 12", "option B"."""

from __future__ import annotations

from collections.abc import Callable

from core.answers.errors import UnreadError
from core.answers.lexicon import words as listed
from core.answers.tokens import Gap, Token, Tokens
from core.answers.values import Choice, Several, Value, Words, parts_of

LETTERS = "ABCDEFGHIJ"
"""Letters that are recognised as choices without brackets."""

_MAX_WORDS = 12
_SENTENCE = listed(
    "is are was were be been isn aren wasn am do does did don doesn didn has have had can could "
    "cannot may might must shall should will would won t not no nor none neither or either but "
    "because if unless since so then than though although while when whereas except maybe perhaps "
    "probably possibly likely unlikely wrong incorrect correct right it this that these those they "
    "he she we you i me my option choice answer all any every each both other another instead "
    "rather"
)
"""Words that turn the text after a letter into a sentence, which may negate the choice."""


def choice_of(tokens: Tokens, value_of: Callable[[Tokens], Value]) -> Choice | None:
    """The choice that the tokens name; None if they don't name one.

    Raises:
        UnreadError: a choice is named, but the text after it can't be read.
    """
    named = len(tokens) > 1 and tokens[0].word in ("option", "choice")
    if named:
        tokens = tokens[1:]
    first, rest = tokens[0], tokens[1:]
    letter = _letter(first)
    inner = first.inner if first.kind == "bracket" and first.text == "()" else ()
    if len(inner) == 1 and _letter(inner[0]):
        letter, delimited = _letter(inner[0]), True
        if rest and rest[0].is_sign(".", ":"):
            rest = rest[1:]
        elif rest and rest[0].gap < Gap.SPACE:
            return None  # "(x)(x + 1)" is a product
    elif letter and rest and rest[0].is_sign(")", ".", ":") and not rest[0].gap:
        if not named and letter not in LETTERS:
            return None
        delimited = True
        bracket = rest[0].is_sign(")")
        rest = rest[1:]
        if bracket and rest and rest[0].is_sign(".", ":"):
            rest = rest[1:]
        if rest and rest[0].gap < Gap.SPACE and rest[0].kind != "text":
            return None
    else:
        delimited = False
    if not letter or (not delimited and not named and rest):
        return None
    if rest and letter.upper() not in LETTERS:
        return None
    if rest and rest[0].is_sign(",", ";", "=", "^", "+", "-", "/", "*", "_"):
        return None
    if rest and (rest[0].word in ("and", "or") or (not delimited and not rest[0].gap)):
        return None
    upper = letter.upper() if letter.upper() in LETTERS else letter
    if not rest:
        return Choice(upper, bare="" if delimited or named else letter)
    if _names_another(rest):
        raise UnreadError("another choice after the first")
    text = value_of(rest)
    if not _may_follow(text):
        raise UnreadError("the text after the choice")
    return Choice(upper, text)


def _names_another(tokens: Tokens) -> bool:
    """Whether the text after a choice names another one: "Paris (B) London", "Paris. B: London".

    A capital after a word may belong to that word ("Vitamin C"), unless there are several.
    """
    after_words = 0
    for at, token in enumerate(tokens):
        if any(_names_another(part) for part in token.parts):
            return True
        before = tokens[at - 1] if at else None
        after = tokens[at + 1] if at + 1 < len(tokens) else None
        bracketed = token.kind == "bracket" and token.text == "()" and len(token.inner) == 1
        letter = _letter(token.inner[0] if bracketed else token)
        if not letter or letter.upper() not in LETTERS:
            continue
        if bracketed:
            if token.gap or before is None or len(before.word) > 1:  # and not f(a)
                return True
        elif after is not None and after.is_sign(")", ":"):
            return True
        elif letter.isupper():
            if after is not None and after.is_sign(".") and at + 2 < len(tokens):
                return True
            if token.gap and before is not None and len(before.word) > 1:
                if len(before.word) < 4 or before.word in _SENTENCE:
                    return True
                after_words += 1
    return after_words > 1


def _letter(token: Token) -> str:
    single = token.kind in ("run", "text") and len(token.text) == 1 and token.text.isascii()
    return token.text if single else ""


def _may_follow(value: Value) -> bool:
    """Whether a value can be the text of a choice: neither another choice nor a sentence."""
    if isinstance(value, Choice):
        return False
    if isinstance(value, Words):
        return len(value.words) <= _MAX_WORDS and not _SENTENCE & set(value.words)
    if isinstance(value, Several) and any(isinstance(each, Choice) for each in value.items):
        return False
    return all(map(_may_follow, parts_of(value)))
