"""Thousands separators: 1,000 and 70 000 are numbers, (2,100) is a point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from core.answers.tokens import Gap, Token, Tokens


def with_thousands(tokens: Tokens) -> Tokens:
    """Merge every number written in groups of three digits into one token.

    In brackets a comma separates elements, unless the group after it can't be a number (1,000 and
    (10,000, 20,050)) or other commas there are followed by a space.
    """
    return _merged(tokens, bracketed=False)


def _merged(tokens: Sequence[Token], bracketed: bool) -> Tokens:
    spaced = any(token.is_sign(",") and after.gap >= Gap.SPACE for token, after in pairwise(tokens))
    found: list[Token] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.parts:
            inside = token.kind == "bracket"
            parts = tuple(_merged(part, bracketed=inside) for part in token.parts)
            token = replace(token, parts=parts)
        elif token.kind == "number" and token.text.isdigit() and len(token.text) <= 3:
            end = _end_of_groups(tokens, at, bracketed and not spaced)
            if end > at + 1:
                digits = "".join(each.text for each in tokens[at:end] if each.kind == "number")
                token, at = replace(token, text=digits), end - 1
        if token.is_sign("{,}"):
            token = replace(token, text=",")
        found.append(token)
        at += 1
    return tuple(found)


def _end_of_groups(tokens: Sequence[Token], start: int, only_sure: bool) -> int:
    """The end of the groups of three digits that begin at `start`."""
    end = start + 1
    separator = ""
    sure = not only_sure
    while end < len(tokens):
        token = tokens[end]
        if token.is_sign(",", "{,}") and not token.gap and end + 1 < len(tokens):
            group, kind = tokens[end + 1], token.text
            if group.gap:
                break
        elif token.kind == "number" and token.gap in (Gap.THIN, Gap.SPACE) and not only_sure:
            group, kind = token, " "
        else:
            break
        whole = group.text.partition(".")[0]
        if group.kind != "number" or len(whole) != 3 or (separator and kind != separator):
            break
        separator = kind
        sure = sure or kind == "{,}" or whole.startswith("0")
        end += 1 if kind == " " else 2
        if "." in group.text:
            break
    if end > start + 1 and separator == " " and tokens[start].text == "0":
        return start + 1
    if end < len(tokens) and separator == " " and tokens[end].kind == "number":
        return start + 1
    if end < len(tokens) and separator == " " and tokens[end].is_sign("/"):
        return start + 1  # "3 100/200"
    return end if sure else start + 1
