r"""Find the answer in a text: the last \boxed{...}, else what stands where answers stand.

Every pattern is linear: bounded repeats, or classes that can't overlap.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

MAX_ANSWER_CHARS = 2_000
"""A longer answer is refused unread; the longest gold answer of MATH-500 has 53 characters."""

NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+"
"""Pattern of an unsigned decimal number, with or without commas between thousands."""

_BRACES = re.compile(r"\\{1,3}(?:boxed|fbox)(?![a-zA-Z])|\\.|[{}]", re.DOTALL)
_OPEN = re.compile(r"\s{0,20}\{")
_UNBRACED = re.compile(r"\s{0,20}([^\s${}\\]{0,50}\d[^\s${}\\]{0,50}|[A-Z](?![a-zA-Z]))")
_HASHES = re.compile(r"(?<!#)####(?!#)[ \t]*([^\n]*)")
_HEADING = re.compile(r"\d+[.:)]\s|[^\W\d_]{2}")
_ANSWER_IS = re.compile(r"\bthe\s{1,9}(?:final\s{1,9}|correct\s{1,9})?answer\s{1,9}is\b:?", re.I)
_SENTENCE_END = re.compile(r"[.;!?](?=\s|\*|$)|\n")
_LAST_NUMBER = re.compile(rf"(?:(?<![\w)}}\]])[-−])?(?:{NUMBER})(?:/\d+)?")


@dataclass(frozen=True)
class Extracted:
    r"""The answer text found (None: nothing), and whether it stood in a \boxed{}."""

    answer: str | None
    boxed: bool


def extract_answer(text: str) -> Extracted:
    r"""The answer a text gives, by the first of these that is there (paper appendix C):

    1. the last balanced \boxed{...} or \fbox{...} (of nested ones the inner), or `\boxed 5`;
    2. the last "#### x" of the GSM8K form;
    3. the last "the answer is x", up to the end of its sentence;
    4. the last number.

    An empty last box is an empty answer: (None, True). Time is linear in the text's length.
    """
    box = last_box(text)
    if box is not None:
        return Extracted(box.strip() or None, True)
    # "#### Step 2" and "#### 1. Setting up" are headings
    hashes = _last(each for each in _all_after_hashes(text) if not _HEADING.match(each))
    return Extracted(hashes or _after_answer_is(text) or _last_number(text), False)


def last_box(text: str) -> str | None:
    r"""What stands in the last balanced \boxed{} of a text, "" for an empty one; None: no box."""
    open_braces: list[tuple[int, bool]] = []  # (where the content starts, is it a box)
    best: tuple[int, str] | None = None
    box_at = -1  # where the content of a box whose brace comes next will start
    for match in _BRACES.finditer(text):
        sign = match.group()
        found: tuple[int, str] | None = None
        if sign == "{":
            open_braces.append((match.end(), match.end() == box_at))
        elif sign == "}":
            start, is_box = open_braces.pop() if open_braces else (0, False)
            if is_box and (best is None or start > best[0]):
                found = start, text[start : match.start()]
        elif sign.endswith(("box", "boxed")):
            if brace := _OPEN.match(text, match.end()):
                box_at = brace.end()
            elif bare := _UNBRACED.match(text, match.end()):
                found = bare.start(1), bare.group(1).rstrip(".,;:)")
        if found:
            best = found
    return best[1] if best else None


def after_hashes(text: str) -> str | None:
    """What stands after the last "####" of a GSM8K solution; None where nothing does."""
    return _last(_all_after_hashes(text))


def _all_after_hashes(text: str) -> Iterable[str]:
    return filter(None, (_cleaned(match.group(1)) for match in _HASHES.finditer(text)))


def _after_answer_is(text: str) -> str | None:
    for match in reversed(list(_ANSWER_IS.finditer(text))):
        start, limit = match.end(), match.end() + MAX_ANSWER_CHARS
        end = _SENTENCE_END.search(text, start, limit)
        answer = _cleaned(text[start : end.start() if end else limit])
        if answer and "\\boxed" not in answer:  # a box that was never closed
            return answer
    return None


def _last_number(text: str) -> str | None:
    return _last(match.group() for match in _LAST_NUMBER.finditer(text))


def _last(answers: Iterable[str]) -> str | None:
    last = deque(answers, maxlen=1)
    return last[0] if last else None


def _cleaned(answer: str) -> str:
    """Without the emphasis, dollar signs and full stop around it."""
    answer = answer.strip().strip("*:").strip()
    if answer.startswith("$") and (end := answer.find("$", 1)) > 0:
        answer = answer[1:end]
    return answer.rstrip(".").strip()
