"""Text for a terminal or a page, which may come from anywhere."""

from __future__ import annotations


def printable(text: str) -> str:
    """Text whose unprintable characters are escaped: a terminal would obey them, and on a page
    nobody would see them."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
