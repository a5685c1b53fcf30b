"""Numbers of bytes for people."""

from __future__ import annotations


def in_bytes(size: float) -> str:
    """A number of bytes in decimal units, as disks and the hub count: 15.2 GB."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(size) < 999.5:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
