"""Make text from any source safe for a terminal or a page; format byte sizes."""

from __future__ import annotations


def printable(text: str) -> str:
    """Escape unprintable characters, which would control a terminal and be invisible on a page."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def in_bytes(size: float) -> str:
    """A number of bytes in decimal units, as used by disks and the hub: 15.2 GB."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(size) < 999.5:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
