"""Cut text to the room there is."""

from __future__ import annotations


def short(text: str, length: int = 40) -> str:
    """Text of at most `length` characters; of longer text the last one is an ellipsis."""
    return text if len(text) <= length else text[: length - 1] + "…"
