"""What a command prints: results to stdout or --out, messages to stderr."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from core.errors import SessionError
from core.printable_text import printable


def say(message: str) -> None:
    """A message for the person, in one line on stderr."""
    print(f"fork-explorer: {printable(' '.join(message.split()))}", file=sys.stderr)


def check_writable(out: Path | None) -> None:
    """Find out before the work, not after it.

    Raises:
        SessionError: the file can't be written.
    """
    if out is not None:
        try:
            is_new = not os.path.lexists(out)
            out.open("a").close()
            if is_new:
                out.unlink()
        except OSError as error:
            raise SessionError(
                f"{out} can't be written ({error.strerror}).", "Choose another --out."
            ) from error


def write_out(out: Path | None, text: str) -> None:
    """Write what --out asks for.

    Raises:
        SessionError: the file can't be written.
    """
    if out is None:
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SessionError(
            f"{out} can't be written ({error.strerror}).", "Choose another --out."
        ) from error


def write_result(text: str, as_json: bool, out: Path | None) -> None:
    """A command's one result, as JSON: to --out, and with --json to stdout.

    Raises:
        SessionError: the file can't be written.
    """
    write_out(out, text + "\n")
    if as_json:
        print(text)
