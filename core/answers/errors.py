"""Error for a text that can't be read as an answer."""

from __future__ import annotations


class UnreadError(ValueError):
    """Part of the text was not understood, so the answer is rejected; the message names it."""
