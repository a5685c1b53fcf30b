"""The sentences of a chain, as units of reading: which token begins which sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

_END = re.compile(
    r"""
    (?P<number>^[^\S\n]*\d+[.)][^\S\n]+)     # "1. " at the start of a line is a list number, no end
    | [.!?…]+["'”’)\]}$*]*\s+                # a sign that is followed by a space: 3.5 goes on
    | [。！？]+["'”’）」』]*\s*                # signs of scripts without spaces
    | \n\s*
    """,
    re.VERBOSE | re.MULTILINE,
)


def sentence_starts(tokens: Sequence[str]) -> NDArray[np.intp]:
    """Positions of the tokens that begin a sentence.

    A sentence ends at a full stop, question mark or exclamation mark before a space, and at a line
    break; abbreviations are not known. A token belongs to the sentence of its first character that
    is not a space; one of spaces only, to the sentence before.

    Args:
        tokens: display texts; joined, the completion.

    Returns:
        (S,) ascending and beginning with 0; empty for a chain without tokens.
    """
    if not tokens:
        return np.zeros(0, np.intp)
    ends = np.array(
        [found.end() for found in _END.finditer("".join(tokens)) if found["number"] is None],
        np.intp,
    )  # characters
    begins = np.array([0, *accumulate(map(len, tokens))][:-1], np.intp)  # (T,) characters
    spaces = np.array([len(t) - len(t.lstrip()) if t.strip() else 0 for t in tokens], np.intp)
    number = np.searchsorted(ends, begins + spaces, side="right")  # (T,) sentences ended before
    blank = np.array([not token.strip() for token in tokens])
    number[blank] = -1
    number = np.maximum.accumulate(number)  # a blank token belongs to what stands before it
    number[number < 0] = number.max(initial=0) if (number < 0).all() else number[number >= 0][0]
    starts: NDArray[np.intp] = np.flatnonzero(np.diff(number, prepend=-1))
    return starts
