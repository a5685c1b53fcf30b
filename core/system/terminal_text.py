"""Text for a terminal or a page, which may come from anywhere."""

from __future__ import annotations


def printable(text: str) -> str:
    """Text whose unprintable characters are escaped: a terminal would obey them, and on a page
    nobody would see them."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def in_bytes(size: float) -> str:
    """A number of bytes in decimal units, as disks and the hub count: 15.2 GB."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(size) < 999.5:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
