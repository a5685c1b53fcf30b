"""JSON as everything here is written: text as it is, and never a bare NaN, which JSON lacks."""

from __future__ import annotations

import json
from typing import Any


def json_text(
    data: Any, *, indent: int | None = None, ascii_only: bool = False, compact: bool = False
) -> str:
    """The JSON of some data.

    Args:
        indent: spaces a level; all on one line when None.
        ascii_only: write other characters as escapes, as half a character must be.
        compact: without spaces after commas and colons.

    Raises:
        ValueError: a NaN or an infinity is in it. Those that mean "unknown" are None in what is
            written (core.runs.result_files.known); others must be refused where they arise.
        TypeError: something that JSON can't hold.
    """
    separators = (",", ":") if compact else None
    return json.dumps(
        data, ensure_ascii=ascii_only, allow_nan=False, indent=indent, separators=separators
    )
