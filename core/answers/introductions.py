"""Remove introductions such as "so the final answer is", and punctuation at the end."""

from __future__ import annotations

from core.answers.lexicon import words as listed
from core.answers.tokens import Tokens

_OPENERS = listed("so thus therefore hence now finally")
_ANSWER = listed("answer answers result solution solutions value total")
_SAYS = listed("is are was be equals equal to would should must approximately about exactly")
_ORNAMENTS = ("checkmark", "blacksquare", "square", "qed", "therefore")


def without_introduction(tokens: Tokens) -> Tokens:
    """The tokens without enclosing groups, introductions and final punctuation."""
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
    """The tokens without "so the final answer is", "it is", "approximately"."""
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
