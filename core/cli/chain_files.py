"""Reads the chain files that commands are given."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.errors import SessionError
from core.records import Chain


def read_json(path: Path) -> Any:
    """A file's JSON.

    Raises:
        SessionError: can't be read, or no JSON.
    """
    try:
        return json.loads(path.read_bytes())
    except OSError as error:
        raise SessionError(
            f"{path} can't be read ({error.strerror}).", "Check the path."
        ) from error
    except (ValueError, RecursionError) as error:
        raise SessionError(
            f"{path} is not one JSON object ({error}).", "Give a file with one chain."
        ) from error


def read_chain(path: Path) -> Chain:
    """A file with one chain.

    Raises:
        SessionError: can't be read, or no chain.
    """
    return Chain.from_json(read_json(path))[0]
