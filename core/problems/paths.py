"""Paths to values inside a row: `Body`, `reward_model.ground_truth`, `prompt[0].content`.

A name that equals a column's name is that column. Any other name is a path of keys separated by
dots, and list indices in brackets; negative indices count from the end. A key with a dot, bracket
or quotation mark is written as a JSON string in brackets: `extra["a.b"]`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from core.errors import ProblemError
from core.problems.cells import is_proper_text
from core.problems.messages import is_chat
from core.problems.table import MAX_COLUMNS, Rows

Step = str | int

_STEP = re.compile(
    r"""(?P<first>^)?(?:(?(first)|\.)(?P<key>[^.\[\]"]+)|\[(?P<index>-?\d{1,6})\]"""
    r"""|\[(?P<quoted>"(?:[^"\\]|\\.)*")\])"""
)
_PLAIN = re.compile(r'[^.\[\]"]+')
_LOOKED_AT = 20  # rows searched for paths to offer
_MAX_DEPTH = 4  # of offered paths
_MAX_STEPS = 32  # of given paths
_MAX_KEYS = 50  # offered per object


def steps(name: str, columns: tuple[str, ...]) -> tuple[Step, ...]:
    """Parse a column's name or a path into keys and indices.

    Raises:
        ProblemError: neither a column nor a path.
    """
    if name in columns:
        return (name,)
    found: list[Step] = []
    at = 0
    while at < len(name) and len(found) < _MAX_STEPS:
        match = _STEP.match(name, at)
        if match is None or match.end() == at:
            break
        if match["index"] is not None:
            found.append(int(match["index"]))
        else:
            found.append(_key(match))
        at = match.end()
    if at < len(name) or not found or isinstance(found[0], int):
        raise ProblemError(
            f"{name!r} is neither a column nor a path to a value.",
            "Write paths like reward_model.ground_truth or prompt[0].content, and a key with a dot "
            'in it as ["a.b"].',
        )
    return tuple(found)


def value_at(row: Mapping[str, Any], path: tuple[Step, ...]) -> Any:
    """The value at a path; None if there is none."""
    value: Any = row
    for step in path:
        if isinstance(step, int):
            inside = isinstance(value, list) and -len(value) <= step < len(value)
        else:
            inside = isinstance(value, dict) and step in value
        if not inside:
            return None
        value = value[step]
    return value


def written(path: tuple[Step, ...], columns: tuple[str, ...]) -> str:
    """A path as text, which `steps` parses back."""
    if len(path) == 1 and path[0] in columns:
        return str(path[0])
    plain = "".join(_step_text(step, first=not at) for at, step in enumerate(path))
    if plain not in columns:
        return plain
    return "".join(_bracketed(step) for step in path)


def offered(rows: Rows) -> tuple[str, ...]:
    """All columns, each followed by the paths of texts and numbers in it in the first rows; at
    most MAX_COLUMNS paths."""
    found: dict[str, None] = {}
    room = MAX_COLUMNS
    for column in rows.columns:
        found[column] = None
        inside: dict[tuple[Step, ...], None] = {}
        for _, row in islice(rows.rows, _LOOKED_AT):
            inside |= dict.fromkeys(_inside(row.get(column), (column,)))
        for path in list(inside)[: max(room, 0)]:
            found[written(path, rows.columns)] = None
            room -= 1
    return tuple(found)


def _inside(value: Any, path: tuple[Step, ...]) -> Iterator[tuple[Step, ...]]:
    """Paths of the leaves of objects, and of a chat's messages."""
    if len(path) >= _MAX_DEPTH:
        return
    if is_chat(value):
        for index in (0, -1):
            yield from ((*path, index, key) for key in ("content", "value") if key in value[index])
    elif isinstance(value, dict):
        for key, each in islice(value.items(), _MAX_KEYS):
            if not isinstance(key, str) or not key or not is_proper_text(key):
                continue
            if isinstance(each, dict):
                yield from _inside(each, (*path, key))
            else:
                yield (*path, key)
                yield from _inside(each, (*path, key))


def _key(match: re.Match[str]) -> str:
    if match["quoted"] is None:
        return match["key"]
    try:
        return str(json.loads(match["quoted"]))
    except ValueError:  # an invalid JSON escape
        return match["quoted"][1:-1]


def _step_text(step: Step, first: bool) -> str:
    if isinstance(step, int) or not _PLAIN.fullmatch(step):
        return _bracketed(step)
    return step if first else f".{step}"


def _bracketed(step: Step) -> str:
    return f"[{step}]" if isinstance(step, int) else f"[{json.dumps(step, ensure_ascii=False)}]"
