"""JSON text: characters unescaped, and never a bare NaN, which JSON lacks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any


def json_text(
    data: Any, *, indent: int | None = None, ascii_only: bool = False, compact: bool = False
) -> str:
    """Convert data to JSON text.

    Args:
        indent: spaces per level; None: all on one line.
        ascii_only: escape all other characters, as lone surrogates must be.
        compact: no spaces after commas and colons.

    Raises:
        ValueError: the data has a NaN or infinity. Unknown values are written as None
            (core.runs.result_files.known).
        TypeError: a type that JSON lacks.
    """
    separators = (",", ":") if compact else None
    return json.dumps(
        data, ensure_ascii=ascii_only, allow_nan=False, indent=indent, separators=separators
    )


def json_with_list(data: Mapping[str, Any], name: str, items: Iterable[str]) -> str:
    """Compact JSON text of an object whose last entry is a list of texts that are JSON already.

    Args:
        data: the other entries, at least one.
        name: of the list.
        items: of the list.

    Raises:
        ValueError, TypeError: as `json_text`.
    """
    return f"{json_text(data, compact=True)[:-1]},{json_text(name)}:[{','.join(items)}]}}"
