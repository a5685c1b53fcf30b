r"""Find the answer in a text: the last \boxed{...}, else where answers usually stand.

Every pattern runs in linear time: bounded repeats, or character classes that do not overlap.
"""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from core.answers.errors import UnreadError
from core.answers.lexicon import MANY_PARTS, PARTS, PERCENT, SCALES
from core.answers.parsing import MAX_ANSWER_CHARS, parse_answer
from core.answers.values import Words


class Place(StrEnum):
    """Where in a text the answer was found."""

    BOX = r"the last \boxed{}"
    TAG = "the last <answer>"
    HASHES = "after the last ####"
    SENTENCE = "after the last “the answer is”"
    NUMBER = "the last number"
    GIVEN = "the answer as given"


@dataclass(frozen=True)
class Extracted:
    r"""The answer text found (None if none), and whether it was in a \boxed{}.

    span: character range [start, end) in the text; None if no answer was found.
    """

    answer: str | None
    boxed: bool
    span: tuple[int, int] | None = field(default=None, compare=False)
    place: Place | None = field(default=None, compare=False)


_Span = tuple[int, int]

_BRACES = re.compile(
    r"(?P<box>(?P<slash>\\{1,3})(?:boxed|fbox|Boxed|framebox)(?![a-zA-Z])"
    r"|\x08oxed(?=\s{0,20}\{)|(?<![\w\\])boxed(?=\s{0,20}\{))"  # JSON's \b, or the slash is lost
    r"|\\.|[{}]",
    re.DOTALL,
)
_OPEN = re.compile(r"\s{0,20}\{")
_UNBRACED = re.compile(r"\s{0,20}([^\s${}\\]{0,50}\d[^\s${}\\]{0,50}|[A-Z](?![a-zA-Z]))")
_TAG = re.compile(r"<answer>([^<]{0,2000})</answer>", re.I)
_HASHES = re.compile(r"(?<!#)####(?!#)[ \t]*([^\n]*)")
_HEADING = re.compile(r"\d+[.:)]\s|[^\W\d_]{2}")
_ANSWER_IS = re.compile(
    r"\bthe\s{1,9}(?:(?:final|correct|right)\s{1,9}){0,2}(?:answer|option|choice)\s{1,9}"
    r"(?:is|would\s{1,9}be|should\s{1,9}be|must\s{1,9}be)\b\s{0,3}[:,]?"
    r"|(?P<label>\banswer\*{0,2}\s{0,3}:)",
    re.I,
)
_SENTENCE_END = re.compile(
    r"(?:\.|(?<=[a-zA-Z)}$*])!|[?])(?=\s|\*|$)|\n|,?\s(?:because|since)\b", re.I
)
_MOST_LABELS = 200
"""Number of places announcing an answer that are tried, from the last."""
_LONGEST_LABELLED = 200
"""Maximum length of an answer after "Answer:", in characters."""
_DISPLAY = re.compile(r"\s{0,9}(\$\$|\\\[|\$|\\\()")
_CLOSING = {"$$": "$$", r"\[": r"\]", "$": "$", r"\(": r"\)"}


def extract_answer(text: str) -> Extracted:
    r"""Find a text's answer in the first of these places that exists (paper appendix C):

    1. the last balanced \boxed{...} or \fbox{...} (the innermost if nested), or `\boxed 5`;
    2. the last <answer>...</answer>;
    3. the last "#### x", the GSM8K form;
    4. the last "the answer is x" or "Answer: x", up to the end of the sentence, line or formula;
    5. the last number, with the calculation, list or range that it ends.

    An empty last box is an empty answer: (None, True). Runs in time linear in the text's length.
    """
    box = _last_box(text)
    if box is not None:
        span = _trimmed(text, box)
        return Extracted(text[slice(*span)] or None, True, span, Place.BOX)
    for place, find in (
        (Place.TAG, _last_tag),
        (Place.HASHES, _last_after_hashes),
        (Place.SENTENCE, _after_answer_is),
        (Place.NUMBER, _last_number),
    ):
        if (found := find(text)) is not None:
            return Extracted(text[slice(*found)], False, found, place)
    return Extracted(None, False)


def last_box(text: str) -> str | None:
    r"""The content of the last balanced \boxed{} of a text, "" if empty; None without a box."""
    span = _last_box(text)
    return None if span is None else text[slice(*span)]


def _last_box(text: str) -> _Span | None:
    open_braces: list[tuple[int, bool]] = []  # (start of the content, whether it is a box)
    best: _Span | None = None
    box_at = -1  # start of the content of a box whose brace comes next
    for match in _BRACES.finditer(text):
        sign = match.group()
        found: _Span | None = None
        if sign == "{":
            open_braces.append((match.end(), match.end() == box_at))
        elif sign == "}":
            start, is_box = open_braces.pop() if open_braces else (0, False)
            if is_box and (best is None or start > best[0]):
                found = start, match.start()
        elif match["box"]:
            if brace := _OPEN.match(text, match.end()):
                box_at = brace.end()
            elif match["slash"] and (bare := _UNBRACED.match(text, match.end())):
                found = bare.start(1), bare.start(1) + len(bare.group(1).rstrip(".,;:)"))
        if found:
            best = found
    return best


def after_hashes(text: str) -> str | None:
    """The text after the last "####" of a GSM8K solution; None if there is none."""
    span = _last(_all_after_hashes(text))
    return None if span is None else text[slice(*span)]


def _all_after_hashes(text: str) -> Iterator[_Span]:
    for match in _HASHES.finditer(text):
        start, end = _cleaned(text, match.span(1))
        if start < end:
            yield start, end


def _last_after_hashes(text: str) -> _Span | None:
    # "#### Step 2" and "#### 1. Setting up" are headings
    return _last(span for span in _all_after_hashes(text) if not _HEADING.match(text, span[0]))


def _last_tag(text: str) -> _Span | None:
    spans = (_cleaned(text, match.span(1)) for match in _TAG.finditer(text))
    return _last(span for span in spans if span[0] < span[1])


def _after_answer_is(text: str) -> _Span | None:
    for match in reversed(deque(_ANSWER_IS.finditer(text), _MOST_LABELS)):
        start, end = _cleaned(text, _statement(text, match.end()))
        if start >= end or "boxed" in text[start:end]:  # a box without its closing brace
            continue
        if not match["label"] or not text[end:].strip(" \n.*$") or _is_answer(text[start:end]):
            return start, end
    return None


def _is_answer(text: str) -> bool:
    """Whether a text parses as an answer; "Answer: She has 9 eggs" begins a calculation."""
    try:
        return len(text) <= _LONGEST_LABELLED and not isinstance(parse_answer(text), Words)
    except UnreadError:
        return False


def _statement(text: str, start: int) -> _Span:
    """The span from the start of an answer to the end of its sentence, line or formula."""
    limit = min(len(text), start + MAX_ANSWER_CHARS)
    while start < limit and (text[start].isspace() or text[start] in "*:"):
        start += 1
    if display := _DISPLAY.match(text, start, limit):
        opening = display[1]
        closed = text.find(_CLOSING[opening], display.end(), limit)
        if closed >= 0:
            after = closed + len(_CLOSING[opening])
            if opening in ("$$", r"\["):
                return start, after
            end = _SENTENCE_END.search(text, after, limit)
            return start, end.start() if end else limit
    end = _SENTENCE_END.search(text, start, limit)
    return start, end.start() if end else limit


# The last number

_AROUND = ".,;:!?\"'“”‘’*_` \t"
_CHUNK = re.compile(r"[a-zA-Z0-9.,/^_{}\\$%()\[\]+*!:€£¥₹'-]|[^\x00-\x7f]")
_JOINED = re.compile(
    r"([^\s=]{1,60})(?:\s{0,3}(?:[,;+*/^~-]|[−–×÷⋅·∼]|\\(?:times|cdot|div|pm)|\bor|\bto|\band|\bthrough)"
    r"\s{0,3}|[^\S\n]{1,3})$"
)  # fmt: skip
_NUMERIC = re.compile(
    r"[($\\€£¥-]{0,3}[\d.,/%]{0,30}\d[\d.,/%)]{0,30}|[a-zA-Z](?=\s{0,3}[+*/^×÷⋅-])"
)
_FOLLOWING = re.compile(r"[ \t]{1,3}([a-zA-Z]{1,20})")
_HALF_OF_DAY = re.compile(r"[ \t]{0,3}[ap](?:\.m\.|m(?![a-zA-Z]))", re.I)
_TEXT = re.compile(
    r"(?:\\[,;: ~]|[ \t~]){0,3}\\(?:text|mathrm|mbox|textbf)\s?\{[^{}\n]{0,80}\}(?:\^\{?\d\}?)?"
)
_TEXT_BEGUN = re.compile(r"(?:\\[,;: ~]|~){0,3}\\(?:text|mathrm|mbox|textbf)\{")
_LEADING = re.compile(r"(?<![a-zA-Z])([a-zA-Z]{3,10}(?:['’]t)?)[ \t]{1,3}[$*]{0,4}$")
_CHANGING_BEFORE = frozenset(
    ("negative", "minus", "not", "never", "isn't", "isn’t", "twice", "thrice", "double", "triple",
     "than", "least", "most")
)  # fmt: skip
_GOES_ON = re.compile(
    r"\s{0,3}(?:[+*/^×÷−-]\s{0,3})?(?:[b-zA-HJ-Z](?![a-zA-Z'’])|\\[a-z]{1,20}[^\s]{0,60})"
)
_CHANGING = {*SCALES, *PARTS, *MANY_PARTS, *PERCENT, "squared", "cubed", "factorial"}
_MAX_JOINED = 60


def _last_number(text: str) -> _Span | None:
    """The last number, with what it is part of: "3x", "17 + 1", "5 or 6"."""
    last = next((at for at in range(len(text) - 1, -1, -1) if _is_digit(text[at])), None)
    if last is None:
        return None
    start, end = last, last + 1
    while start > 0 and last - start < MAX_ANSWER_CHARS and _in_number(text, start - 1):
        start -= 1
    while end < len(text) and end - last < MAX_ANSWER_CHARS and _in_number(text, end):
        end += 1
    opened = text.rfind("boxed{", start, last)
    start = opened + len("boxed{") if opened >= 0 else start
    if text_at := _TEXT_BEGUN.search(text, last, end):
        end = text_at.start()
    start, end = _unbracketed(text, *_cleaned(text, (start, end)))
    while (word := _FOLLOWING.match(text, end)) and word[1].casefold() in _CHANGING:
        end = word.end()
    if more := _after_number(text, start, end):
        end = more.end()
    for _ in range(_MAX_JOINED):
        joined = _JOINED.search(text, max(0, start - 80), start)
        if joined is None or not _is_operand(text, joined):
            break
        start = joined.start(1)
    leading = _LEADING.search(text, max(0, start - 20), start)
    if leading and leading[1].casefold() in _CHANGING_BEFORE:
        start = leading.start(1)
    if text[start : start + 1] == "$" == text[end : end + 1]:
        start += text.count("$", start, end) == 1  # "$10 km$"
    return _unbracketed(text, *_cleaned(text, (start, end)))


def _after_number(text: str, start: int, end: int) -> re.Match[str] | None:
    """What belongs to the number that ends at `end`: a unit in LaTeX, a.m., or a factor."""
    of_day = ":" in text[start:end] or text[start:end].isdigit()
    found = (_HALF_OF_DAY.match(text, end) if of_day else None) or _TEXT.match(text, end)
    return found or _GOES_ON.match(text, end)


def _is_operand(text: str, joined: re.Match[str]) -> bool:
    operand = joined[1]
    if _NUMERIC.fullmatch(operand.lstrip("*_")):
        return True
    return bool(_NUMERIC.match(text, joined.start(1), joined.end())) and len(operand) == 1


def _is_digit(sign: str) -> bool:
    return sign.isdecimal() or (not sign.isascii() and unicodedata.category(sign) == "No")


def _in_number(text: str, at: int) -> bool:
    """Whether a character may be part of the expression around a number."""
    sign = text[at]
    if not sign.isascii():
        kind = unicodedata.category(sign)
        return kind in ("Nd", "No", "Sm", "Sc") or sign in "−–πθ°"
    return bool(_CHUNK.match(sign))


def _unbracketed(text: str, start: int, end: int) -> _Span:
    """The span without unmatched brackets, and without a word that runs into it."""
    changed = True
    while changed and start < end:
        changed = False
        for opening, closing in ("()", "[]", "{}"):
            inside = text[start:end]
            if inside.startswith(opening) and inside.count(opening) > inside.count(closing):
                start, changed = start + 1, True
            elif inside.endswith(closing) and inside.count(closing) > inside.count(opening):
                end, changed = end - 1, True
        start, end = _cleaned(text, (start, end))
    return start, end


def _last(spans: Iterable[_Span]) -> _Span | None:
    last = deque(spans, maxlen=1)
    return last[0] if last else None


def _trimmed(text: str, span: _Span) -> _Span:
    start, end = span
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _cleaned(text: str, span: _Span) -> _Span:
    """The span without emphasis, dollar signs and full stop around it."""
    before = (-1, -1)
    while span != before:
        before = span
        start, end = _trimmed(text, span)
        while (start < end and text[start] in "*:,;") or text.startswith("__", start, end):
            start += 1
        while end > start and text[end - 1] in "*:,;.":
            end -= 1
        inside = text[start:end]
        if len(inside) > 2 and inside[0] == inside[-1] == "$" and inside.count("$") == 2:
            start, end = start + 1, end - 1
        span = _trimmed(text, (start, end))
    return span
