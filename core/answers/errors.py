"""Why a text can't be read as an answer."""

from __future__ import annotations


class UnreadError(ValueError):
    """Part of the text was not understood, so none of it counts; the message says which part."""
