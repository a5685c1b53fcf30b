"""When a file last changed: what a page has read of it is good until then."""

from __future__ import annotations

from pathlib import Path


def changed_at(path: Path) -> int:
    """Nanoseconds of its last change; 0 where it isn't there or can't be asked."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
