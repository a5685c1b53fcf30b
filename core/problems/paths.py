"""Name a value inside a row: `Body`, `reward_model.ground_truth`, `prompt[0].content`.

A name that is a column's is that column, whatever signs it has. Otherwise it is a path: keys with
dots between them, and list indices in brackets, from the end where they are negative. A key with a
dot, bracket or quotation mark in it is written as JSON text in brackets: `extra["a.b"]`.
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
_LOOKED_AT = 20  # rows, for the paths that are offered
_MAX_DEPTH = 4  # of a path that is offered
_MAX_STEPS = 32  # of a path that is given
_MAX_KEYS = 50  # of an object, that are offered


def steps(name: str, columns: tuple[str, ...]) -> tuple[Step, ...]:
    """A column's name or a path as the keys and indices that lead to the value.

    Raises:
        ProblemError: it is neither.
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
            "Write a path as in reward_model.ground_truth or prompt[0].content; a key with a dot "
            'in it as ["a.b"].',
        )
    return tuple(found)


def value_at(row: Mapping[str, Any], path: tuple[Step, ...]) -> Any:
    """What stands there; None where nothing does."""
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
    """The name of a path, which `steps` reads back."""
    if len(path) == 1 and path[0] in columns:
        return str(path[0])
    plain = "".join(_step_text(step, first=not at) for at, step in enumerate(path))
    if plain not in columns:
        return plain
    return "".join(_bracketed(step) for step in path)


def offered(rows: Rows) -> tuple[str, ...]:
    """The columns, each followed by the paths of the texts and numbers inside it, as the first
    rows have them; at most MAX_COLUMNS paths, and all columns."""
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
    """Paths of the leaves of objects, and of the messages of a chat."""
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
    except ValueError:  # an escape that JSON doesn't have
        return match["quoted"][1:-1]


def _step_text(step: Step, first: bool) -> str:
    if isinstance(step, int) or not _PLAIN.fullmatch(step):
        return _bracketed(step)
    return step if first else f".{step}"


def _bracketed(step: Step) -> str:
    return f"[{step}]" if isinstance(step, int) else f"[{json.dumps(step, ensure_ascii=False)}]"
