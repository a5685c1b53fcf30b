"""A text file's bytes, decoded; and what is too much of it."""

from __future__ import annotations

import codecs

from core.errors import ProblemError
from core.problem_files.table import MAX_ROWS

MAX_VALUES = 5_000_000
"""Commas and brackets in a file: they bound what its parsed values take in memory. A file of
50 MB in prose has about a fifth of it."""


def decoded(data: bytes, name: str) -> str:
    """The text; each byte that is not UTF-8 becomes a lone surrogate, so that only its row is
    refused.

    Raises:
        ProblemError: the file is in another encoding, or has more values than can be held.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ProblemError(
            f"{name}, line 1: this is not UTF-8 text but UTF-16.", "Save the file as UTF-8."
        )
    if sum(map(data.count, (b",", b"[", b"{"))) > MAX_VALUES:
        raise ProblemError(
            f"{name} has more than {MAX_VALUES:,} values.",
            "Keep the columns that are needed, or split it into smaller files.",
        )
    return data.decode("utf-8-sig", errors="surrogateescape")


def number_of_rows_error(name: str) -> ProblemError:
    """What to say of a file with too many rows."""
    return ProblemError(f"{name} has more than {MAX_ROWS:,} rows.", "Split it into smaller files.")
