"""Files inside archives: the samples of an Inspect log (.eval, a zip file).

Nothing is unpacked to the disk, and no name of a member becomes a path.
"""

from __future__ import annotations

import json
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.errors import FileError
from core.problems.table import RowRefusal

MAX_MEMBER = 64 * 1024**2
"""Maximum size of a sample, unpacked, bytes."""

MAX_UNPACKED = 2 * 1024**3
"""Maximum size of all samples, unpacked, bytes."""

_BROKEN = (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)


def is_archive(path: Path, member: str) -> bool:
    """Whether a zip file has a member of this name, in any folder.

    Raises:
        FileError: the archive is damaged.
    """
    with _opened(path) as archive:
        return any(name.rpartition("/")[2] == member for name in archive.namelist())


def eval_archive(path: Path) -> Iterator[tuple[int, dict[str, Any]] | RowRefusal]:
    """The samples of an Inspect log, numbered in the order of the archive. Of a sample that was
    written twice, the last counts; each is unpacked when it is asked for.

    Raises:
        FileError: damaged, no samples, or too large when unpacked.
    """
    with _opened(path) as archive:
        members = {
            each.filename: each
            for each in archive.infolist()
            if each.filename.startswith("samples/") and each.filename.endswith(".json")
        }
        if not members:
            raise FileError(
                f"{path.name} is a zip file without samples of an Inspect log.",
                "Give a log that `inspect eval` wrote, or unpack the archive first.",
            )
        if sum(each.file_size for each in members.values()) > MAX_UNPACKED:
            raise FileError(
                f"{path.name} unpacks into more than {MAX_UNPACKED / 1024**3:.0f} GB.",
                "Evaluate fewer samples into one log.",
            )
        for number, member in enumerate(members.values(), start=1):
            found = _sample(archive, member)
            yield (number, found) if isinstance(found, dict) else RowRefusal(number, found)


def _sample(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> dict[str, Any] | str:
    """A member's object, or why there is none."""
    if member.file_size > MAX_MEMBER:
        return f"it unpacks into more than {MAX_MEMBER // 1024**2} MB"
    try:
        with archive.open(member) as file:
            data = file.read(MAX_MEMBER + 1)  # the size that the archive names may be wrong
        if len(data) > MAX_MEMBER:
            return f"it unpacks into more than {MAX_MEMBER // 1024**2} MB"
        found = json.loads(data)
    except RecursionError:
        return "the JSON can't be read (it is nested too deeply)"
    except json.JSONDecodeError as error:
        return f"the JSON is broken at column {error.colno} ({error.msg})"
    except (zlib.error, lzma.LZMAError, *_BROKEN) as error:
        return f"it can't be unpacked ({type(error).__name__})"
    return found if isinstance(found, dict) else "this is not a JSON object"


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except _BROKEN as error:
        raise FileError(
            f"{path.name} is a damaged zip file ({error}).", "Copy it again from where it was made."
        ) from error
