"""units.jsonl: the finished units of a run, one a line, so that no unit is computed twice."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydantic_core

from core.system.durable_files import append_line, end_last_line, keep_beside, replace_file
from core.system.garbage import no_search_for_garbage
from core.system.json_text import json_text


@dataclass(frozen=True)
class _Lines:
    units: dict[str, Any]
    good: list[bytes]
    damaged: int  # lines in the middle; a half-written last line doesn't count
    last_is_whole: bool


class Checkpoint:
    """The units of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def units(self) -> dict[str, Any]:
        """Results of finished units by key, in the order of the file; damaged lines are left out.

        Raises:
            OSError: the file is there and can't be read.
        """
        return self._read().units

    def repair(self) -> str | None:
        """Prepare the file for more units; the caller must hold the run's lock.

        A half-written last line is cut off. If lines in the middle are damaged, the file is kept
        under another name and replaced by its valid lines.

        Returns:
            A sentence about the damage; None without damage.

        Raises:
            OSError: the disk is full or can't be written; nothing is lost then.
        """
        found = self._read()
        if not found.damaged:
            end_last_line(self.path, found.last_is_whole)
            return None
        beside = keep_beside(self.path, ".damaged")
        replace_file(self.path, b"".join(line + b"\n" for line in found.good))
        lines = "line" if found.damaged == 1 else "lines"
        return (
            f"{found.damaged} {lines} of units.jsonl could not be read (kept as {beside.name}),"
            " so their units count as not finished."
        )

    def keep(self, key: str, result: Any) -> None:
        """Add a finished unit; it has reached the disk when this returns.

        Raises:
            OSError: the disk is full or can't be written; the unit is not in the file then.
        """
        append_line(self.path, json_bytes({"unit": key, "result": result}), sync=True)

    def keep_in_order(self, keys: Sequence[str]) -> None:
        """Bring the lines of some units into an order, in one step; other lines stay where they
        are. Without need nothing is written.

        Args:
            keys: of the units, in that order.

        Raises:
            OSError: the disk is full or can't be written; the file is unchanged.
        """
        lines = self.path.read_bytes().splitlines(keepends=True) if self.path.exists() else []
        rank = {key: number for number, key in enumerate(keys)}
        found = [(rank.get(unit[0]) if (unit := _unit(line)) else None) for line in lines]
        places = [place for place, number in enumerate(found) if number is not None]
        wanted = sorted(places, key=lambda place: (found[place], place))
        if wanted != places:
            ordered = list(lines)
            for place, source in zip(places, wanted, strict=True):
                ordered[place] = lines[source]
            replace_file(self.path, b"".join(ordered))

    def _read(self) -> _Lines:
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            data = b""
        *lines, last = data.split(b"\n")
        units: dict[str, Any] = {}
        good: list[bytes] = []
        damaged = 0
        with no_search_for_garbage():
            for line in lines:
                unit = _unit(line)
                if unit is not None:
                    units[unit[0]] = unit[1]
                    good.append(line)
                elif line.strip():
                    damaged += 1
            ending = _unit(last)
        if ending is not None:
            units[ending[0]] = ending[1]
            good.append(last)
        return _Lines(units, good, damaged, ending is not None)


def json_bytes(data: Any) -> bytes:
    """One line of JSON."""
    try:
        return json_text(data).encode()
    except UnicodeEncodeError:  # a lone surrogate, which JSON can only escape
        return json_text(data, ascii_only=True).encode()


def _unit(line: bytes) -> tuple[str, Any] | None:
    try:
        try:
            data = pydantic_core.from_json(line)  # in half the time
        except ValueError:  # a lone surrogate, perhaps
            data = json.loads(line)
        key, result = data["unit"], data["result"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return (key, result) if isinstance(key, str) else None
