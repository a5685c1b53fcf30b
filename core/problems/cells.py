"""A cell's value as text, and the gold answer in it."""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from typing import Any

from core.answers.extraction import after_hashes, last_box
from core.problems.table import MAX_CELL_CHARS, Gold

_EXACT = 2**53  # whole floats are exact up to here
_UNIT = re.compile(r"\([^()\d]{0,100}\)")
WITH_UNIT = re.compile(r"[-\d][-\d.,/:%$ ]{0,40}\([^()\d]{1,100}\)")
"""A number and its unit in parentheses, as ASDiv writes its answers: 9 (apples)."""


class JsonNumber(str):
    """A JSON number as it was written: 72.50 stays "72.50", and no digits are lost."""

    __slots__ = ()


class NotANumber(str):
    """NaN or an infinity: JSON has none, but pandas and others write them."""

    __slots__ = ()


class CellError(ValueError):
    """Why a cell can't be read; the message follows the name of its role in a sentence."""


def text_of(value: Any) -> str | None:
    """A cell's text; None if empty.

    Raises:
        CellError: neither text nor number, too long, or with lone surrogates.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, NotANumber):
        raise CellError(f"can't be read ({value} is not a number)")
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        return _number_text(value)
    if not isinstance(value, str):
        raise CellError("is neither text nor a number")
    if len(value) > MAX_CELL_CHARS:
        raise CellError(f"has {len(value):,} characters, and {MAX_CELL_CHARS:,} are allowed")
    if not is_proper_text(value):
        raise CellError("has an invalid character (a lone surrogate, or a byte that is not UTF-8)")
    return value


def is_number(value: Any) -> bool:
    """Whether a cell is a number, not text."""
    return isinstance(value, int | float | Decimal | JsonNumber)


def gold_of(value: Any, gold: Gold) -> str | None:
    """The gold answer in a cell; None if empty. Gold answers that name a choice are read by
    `choices.letter_of`.

    Raises:
        CellError: as `text_of`, or no answer at the place that `gold` names.
    """
    if gold is Gold.LIST and is_written_list(value):
        value = json.loads(value)
    if gold is Gold.LIST and isinstance(value, list):
        answers = [text for each in value if (text := text_of(each)) is not None]
        return ", ".join(answers) or None
    text = text_of(value)
    if text is None or gold in (Gold.AS_WRITTEN, Gold.LIST):
        return text
    if gold is Gold.WITHOUT_UNIT:
        bare = " ".join(_UNIT.sub(" ", text).split()).replace(" ;", ";")
        return bare if re.search(r"\d", bare) else text
    if gold is Gold.AFTER_HASHES:
        found, missing = after_hashes(text), "has nothing after ####"
    else:
        found, missing = (last_box(text) or "").strip(), "has no answer in a \\boxed{}"
    if not found:
        raise CellError(missing)
    return found


def is_written_list(value: Any) -> bool:
    """Whether a text is a JSON list of texts; [1, 2] is not, since it may be an interval."""
    if not isinstance(value, str) or not value.startswith('["') or len(value) > MAX_CELL_CHARS:
        return False
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, list) and all(isinstance(each, str) for each in found)


def is_proper_text(text: str) -> bool:
    """Whether text can be encoded as UTF-8: lone surrogates can't be shown or saved."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _number_text(value: int | float | Decimal) -> str:
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise CellError(f"can't be read ({value} is not a number)")
        return f"{value:f}" if abs(value.adjusted()) < 100 else str(value)
    if math.isinf(value):
        raise CellError(f"can't be read ({value} is not a number)")
    # A column of whole numbers with gaps comes out of pandas as floats: 27, not 27.0
    return str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)
