r"""Answers that need no algebra: numbers with units, choices, numerals of another base, words.

math-verify reads LaTeX. These are the forms of which it makes something else ("18 km/h" is a
product, and so is "east", which then equals "seat") or nothing ("B) 12", "€18"). A rule decides
only where it knows both sides; everything else is left to math-verify.
"""

from __future__ import annotations

import re
from fractions import Fraction

from core.answer_extraction import NUMBER
from core.records import Verdict

_DELIMITERS = re.compile(r"(?<!\\)(?:\$|\\[()\[\]])")
_LEADING = re.compile(
    r"(?:(?:the )?(?:final |correct )?answer(?: is)?:? |(?:=|\\approx(?![a-z])|≈) ?)+", re.I
)
_SPELLINGS = (("°", r"^\circ"), (r"\varnothing", r"\emptyset"), ("∅", r"\emptyset"))


def tidied(answer: str) -> str:
    """The same answer on one line, without math delimiters, emphasis, an introduction such as
    "the answer is", and a sentence's full stop."""
    answer = _DELIMITERS.sub("", " ".join(answer.split())).strip(" *")
    for sign, latex in _SPELLINGS:
        answer = answer.replace(sign, latex)
    if (lead := _LEADING.match(answer)) and lead.end() < len(answer):
        answer = answer[lead.end() :]
    return answer[:-1].rstrip() if answer.endswith(".") else answer


def comparable(answer: str | None, gold: str) -> tuple[str | None, str]:
    """The two as they are to be compared, both tidied: of "B) 12" the letter, where the answer
    names one of the choices too, else what is chosen."""
    chosen = _choice(gold, capital=True)
    if chosen is None:
        return answer, gold
    letter, text = chosen
    named = None if answer is None else _choice(answer)
    if named is not None:
        return named[0], letter
    return answer, text or letter


def decided(answer: str | None, gold: str) -> Verdict | None:
    """The verdict on two comparable answers; None where math-verify is to decide."""
    gold, answer = _plain(gold), None if answer is None else _plain(answer)
    for rule in (_by_number, _by_letter, _by_numeral, _by_words):
        verdict = rule(answer, gold)
        if verdict is not None:
            return verdict
    return None


_WRAPPED = re.compile(
    r"\\(?:text(?:bf|it|rm|sf|tt)?|math(?:rm|bf|it|sf)|mbox|operatorname|emph) ?\{([^{}]*)\}"
)
_SPACES = re.compile(r"(?:\\[,;: ]|~|\\q?quad(?![a-zA-Z])|\s)+")


def _plain(text: str) -> str:
    r"""Without \text{} and the like around words, and with plain spaces and commas."""
    text = _WRAPPED.sub(r"\1", text).replace("{,}", ",").replace(r"\!", "")
    return _SPACES.sub(" ", text).strip()


# Numbers, compared exactly. As in GSM8K, a currency, a unit and words after it count for nothing.

_MAX_DIGITS = 200
_CURRENCY = r"(?:(?:US|A|C|HK)?\\?\$|[€£¥₹₩]|(?:USD?|EUR|GBP|INR|CNY|JPY)(?![a-zA-Z]))"
_NUMBER = re.compile(
    rf"(?P<sign>[-+−]?) ?{_CURRENCY}? ?(?P<sign_after>[-−]?)"
    r"(?:(?P<whole>\d+) (?P<above>\d+)/(?P<parts>\d+)"
    rf"|(?P<value>\d{{1,3}}(?: \d{{3}})+(?:\.\d+)?(?!\d)|(?:{NUMBER})(?:[eE][-+]?\d{{1,3}})?)"
    r"(?: ?/ ?(?P<below>\d+))?)"
)
_SCALE = re.compile(r"(?: ?(thousand|million|billion|trillion)|(k))(?![a-zA-Z])")
_SCALES = {"k": 10**3, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_POWER = re.compile(r"(?<=[a-zA-Z])(?:\^(?:\d|\{-?\d\})|[²³])")
_TAIL = re.compile(r"(?:[ ,;:(/][a-zA-Z'’ ,;:()/.·-]*)?")
_WORD = re.compile(r"[a-zA-Z]+")
_UNIT_LETTERS = frozenset("mgshLJNWV")  # other single letters are variables
_COUNTS = re.compile(
    r"(?:hundred|thousand|million|billion|trillion|dozen|half|halve|third|fourth|quarter|fifth)s?|"
    r"percent(?:age)?|pct|pi|sqrt|root|sin|cos|tan|log|ln|exp|mod|over|times|plus|minus|divided|"
    r"multiplied|squared|cubed|factorial|choose|to|and|or|not|is"
)  # words after a number that change what it says


def _by_number(answer: str | None, gold: str) -> Verdict | None:
    gold_number = _number(gold)
    if gold_number is None:
        return None
    if answer is None:
        return Verdict.UNPARSEABLE
    number = _number(answer)
    if number is None:
        return None
    if number == gold_number:
        return Verdict.CORRECT
    # math-verify rounds decimals to 6 places, so nearby numbers are left to it
    return Verdict.WRONG if abs(number - gold_number) > Fraction(1, 10**5) else None


def _number(text: str) -> Fraction | None:
    """The exact value of "1,000", "-3.50", "1 1/2", "€18" or "18 km/h"; None of others."""
    match = _NUMBER.match(text) if len(text) <= _MAX_DIGITS else None
    if match is None or (match["sign"] and match["sign_after"]):
        return None
    rest = text[match.end() :]
    scale = 1
    if scaled := _SCALE.match(rest):
        scale, rest = _SCALES[scaled[1] or scaled[2]], rest[scaled.end() :]
    rest = re.sub(rf"^ ?{_CURRENCY}", "", rest)
    below, parts = int(match["below"] or 1), int(match["parts"] or 1)
    if not _counts_for_nothing(rest) or below == 0 or parts == 0:
        return None
    if match["whole"]:
        value = int(match["whole"]) + Fraction(int(match["above"]), parts)
    else:
        value = Fraction(match["value"].replace(",", "").replace(" ", "")) / below
    negative = match["sign"] in ("-", "−") or bool(match["sign_after"])
    return (-value if negative else value) * scale


def _counts_for_nothing(rest: str) -> bool:
    """Whether what stands after a number is a unit, or words that don't change it."""
    rest = _POWER.sub("", rest)
    words = _WORD.findall(rest.lower())
    return bool(
        _TAIL.fullmatch(rest)
        and not any(_COUNTS.fullmatch(word) for word in words)
        and all(len(word) > 1 or word in _UNIT_LETTERS for word in _WORD.findall(rest))
    )


# Choices: "(B)", "B) 12", "option B".

_CHOICES = (
    re.compile(r"(?:(?:option|choice) )?\( ?([A-Ja-j]) ?\)[.:]?(?: (.*))?"),
    re.compile(r"(?:option|choice) ([A-Ja-j])\)?[.:]?(?: (.*))?", re.I),
    re.compile(r"([A-J])[).:](?: (.*))?"),
    re.compile(r"([A-J])()"),
)


def _choice(text: str, capital: bool = False) -> tuple[str, str] | None:
    """The letter of a choice and what stands after it; None where the text names none."""
    plain = _plain(text)
    for pattern in _CHOICES:
        if match := pattern.fullmatch(plain):
            letter = match[1]
            return (letter.upper(), match[2] or "") if letter.isupper() or not capital else None
    return None


def _by_letter(answer: str | None, gold: str) -> Verdict | None:
    if not re.fullmatch("[A-J]", gold):
        return None
    if answer is None:
        return Verdict.UNPARSEABLE
    if not re.fullmatch("[A-J]", answer):
        return None
    return Verdict.CORRECT if answer == gold else Verdict.WRONG


# Numerals of another base: math-verify drops the base.

_NUMERAL = re.compile(r"(\w{1,64}?)_\{?(\w{1,7})\}?")
_BASES = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9}


def _by_numeral(answer: str | None, gold: str) -> Verdict | None:
    numeral = _numeral(gold)
    if numeral is None or answer is None:
        return None
    if answer == gold.partition("_")[0]:  # the question names the base
        return Verdict.CORRECT
    value = _numeral(answer)
    if value is None:
        return None
    return Verdict.CORRECT if value == numeral else Verdict.WRONG


def _numeral(text: str) -> int | None:
    match = _NUMERAL.fullmatch(text)
    if match is None:
        return None
    base = _BASES.get(match[2]) or (int(match[2]) if match[2].isdecimal() else 0)
    try:
        return int(match[1], base) if 2 <= base <= 36 else None
    except ValueError:  # a digit that the base does not have: some other subscript
        return None


# Words, compared without regard to capitals, articles, punctuation and the order of a list.

_TEXT = re.compile(r"[^\W_](?:[^\W_]|[ .,:;'’&?/-])*")
_LONG_WORD = re.compile(r"[^\W\d_]{4,}|[^\x00-\x7f]{2,}")  # shorter ones may be products
_SHORT_WORDS = frozenset(("yes", "no", "odd", "both", "none", "red"))
_FUNCTION = re.compile(r"sqrt|(?:arc|a)?(?:sin|cos|tan|cot|sec|csc)h?|infinity")
_BETWEEN = re.compile(r"[,;&]|\band\b")


def _by_words(answer: str | None, gold: str) -> Verdict | None:
    if not _TEXT.fullmatch(gold):
        return None
    if answer == gold:
        return Verdict.CORRECT
    long_words = [word for word in _LONG_WORD.findall(gold) if not _FUNCTION.fullmatch(word)]
    if re.search(r"\d", gold) or not (long_words or gold.casefold() in _SHORT_WORDS):
        return None
    if answer is None:
        return Verdict.UNPARSEABLE
    return Verdict.CORRECT if _parts(answer) == _parts(gold) else Verdict.WRONG


def _parts(text: str) -> list[list[str]]:
    """The words of each part of a list."""
    parts = [re.findall(r"[^\W_]+", part.casefold()) for part in _BETWEEN.split(text)]
    return sorted(part[part[0] in ("a", "an", "the") :] for part in parts if part)
