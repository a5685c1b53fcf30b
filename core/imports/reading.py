"""Read a file of rollouts: guess its fields by the first rows, then convert row by row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, islice
from pathlib import Path
from typing import Any

from core.errors import FileError
from core.imports.guessing import ends_with_answer, guess
from core.imports.records import ROLES, FieldMapping, Rollout, RolloutTable
from core.imports.row_reader import RowReader
from core.imports.shapes import Found, recognised
from core.imports.sources import Source, open_source
from core.imports.values import FieldError
from core.problems.paths import steps, value_at
from core.problems.table import MAX_COLUMNS, RowRefusal
from core.system.json_text import json_text

MAX_ROLLOUTS = 100_000
"""Maximum number of rollouts read at once."""

MAX_KEPT = 1_000_000_000
"""Maximum size of the rollouts kept, bytes: four for an id or an entropy, one for a character."""

_LOOKED_AT = 50  # rows by which fields are guessed


def read_rollouts(
    source: str | Path,
    fields: Mapping[str, str | None] | None = None,
    limit: int | None = None,
) -> RolloutTable:
    """Read the rollouts of a file in a published form, or in one of a person's own.

    JSON lines and the samples of an Inspect log are read one by one.

    Args:
        source: the file's path.
        fields: the field of a role, where the guess is wrong; None: the role has none.
        limit: read no more than this many rollouts.

    Raises:
        FileError: the file can't be read, nothing in it looks like a prompt and an answer, or no
            row is valid.
        ProblemError, ResourceError: a Parquet or CSV file can't be read.
    """
    opened = open_source(source)
    first = list(_rows(opened, _LOOKED_AT))
    columns = _columns(first)
    shape, found = recognised(columns, first) or ("", Found(guess(columns, first)))
    mapping = found.mapping
    if fields:
        mapping = _changed(opened, mapping, columns, first, fields)
        shape = shape if mapping == found.mapping else ""
    _check(opened, mapping, columns, first)
    return _Reading(opened, mapping, columns, found, limit).table(shape)


def columns_of(source: str | Path) -> tuple[str, ...]:
    """The fields of a file's first rows, in their order.

    Raises:
        FileError, ProblemError, ResourceError: the file can't be read.
    """
    return _columns(list(_rows(open_source(source), _LOOKED_AT)))


@dataclass
class _Reading:
    opened: Source
    mapping: FieldMapping
    columns: tuple[str, ...]
    found: Found
    limit: int | None
    rollouts: list[Rollout] = field(default_factory=list)
    refused: list[RowRefusal] = field(default_factory=list)
    repeated: int = 0
    unread: bool = False

    def table(self, shape: str) -> RolloutTable:
        """Read all rows."""
        reader = RowReader(self.mapping, self.columns)
        kept, first = 0, None
        for item in self.opened.rows():
            if self._is_full(kept):
                break
            if isinstance(item, RowRefusal):
                self.refused.append(item)
                continue
            number, row = item
            if self.found.once is not None:
                first = row.get(self.found.once) if first is None else first
                if row.get(self.found.once) != first:
                    self.repeated += 1
                    continue
            try:
                rollouts = reader.rollouts(number, row)
            except FieldError as error:
                self.refused.append(RowRefusal(number, str(error)))
                continue
            self.rollouts += rollouts
            kept += sum(map(_size, rollouts))
        if not self.rollouts:
            raise _nothing_left(self.opened, self.refused)
        if self.limit is not None and len(self.rollouts) > self.limit:
            del self.rollouts[self.limit :]
            self.unread = True
        return RolloutTable(
            name=self.opened.name,
            kind=self.opened.kind,
            noun=self.opened.noun,
            rollouts=_grouped(self.rollouts),
            refused=tuple(self.refused),
            mapping=self.mapping,
            shape=shape,
            columns=self.columns,
            notes=(*self.found.notes, *self._notes(reader, first)),
            warnings=self.found.warnings
            if self.mapping.reward == self.found.mapping.reward
            else (),
            unread=self.unread,
        )

    def _is_full(self, kept: int) -> bool:
        if self.limit is not None and len(self.rollouts) >= self.limit:
            self.unread = True
            return True
        if len(self.rollouts) >= MAX_ROLLOUTS or kept > MAX_KEPT:
            raise FileError(
                f"{self.opened.name} has more rollouts than can be kept at once: more than "
                f"{len(self.rollouts) - 1:,}.",
                "Read a part of them with --limit, or split the file.",
            )
        return False

    def _notes(self, reader: RowReader, first: Any) -> Iterator[str]:
        if self.repeated:
            yield (
                f"{self.repeated:,} {self.opened.noun}s that repeat the answers under another "
                f"{self.found.once} than {first!r} are not read."
            )
        if reader.seen["masked"]:
            yield (
                f"{reader.seen['masked']:,} answers have tokens inside that the model didn't "
                "write, such as those of a tool."
            )
        if reader.seen["turns"]:
            yield f"{reader.seen['turns']:,} chats have earlier turns, which belong to the prompt."


def _rows(opened: Source, most: int) -> Iterator[dict[str, Any]]:
    rows = (item[1] for item in opened.rows() if not isinstance(item, RowRefusal))
    return islice(rows, most)


def _columns(rows: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    columns: dict[str, None] = {}
    for row in rows:
        columns |= dict.fromkeys(name for name in row if isinstance(name, str))
    return tuple(columns)[:MAX_COLUMNS]


def _changed(
    opened: Source,
    mapping: FieldMapping,
    columns: tuple[str, ...],
    rows: Sequence[dict[str, Any]],
    fields: Mapping[str, str | None],
) -> FieldMapping:
    for role, name in fields.items():
        if role not in ROLES:
            raise FileError(f"Fields have no role {role!r}.", f"Give one of {', '.join(ROLES)}.")
        if name is None:
            continue
        path = steps(name, columns)
        if all(value_at(row, path) is None for row in rows):
            raise FileError(
                f"{opened.name} has nothing at {name!r} for the {role}, in the first "
                f"{len(rows)} {opened.noun}s.",
                f"Choose a field that it has: {', '.join(columns[:12])}.",
            )
    return replace(mapping, **fields)


def _check(
    opened: Source,
    mapping: FieldMapping,
    columns: tuple[str, ...],
    rows: Sequence[dict[str, Any]],
) -> None:
    """Raise unless there are fields for a prompt and an answer."""
    if not rows:
        raise _nothing_left(
            opened, [item for item in opened.rows() if isinstance(item, RowRefusal)]
        )
    has_prompt = mapping.prompt or mapping.prompt_ids or mapping.mask or mapping.answer_length
    has_answer = mapping.answer or mapping.answer_ids or mapping.tokens
    if not has_answer and mapping.prompt is not None:
        path = steps(mapping.prompt, columns)
        has_answer = mapping.prompt * any(ends_with_answer(value_at(row, path)) for row in rows)
    if not has_prompt or not has_answer:
        missing = "an answer" if has_prompt else "a prompt"
        raise FileError(
            f"{opened.name}: none of its fields looks like {missing} "
            f"({', '.join(columns[:12]) or 'none can be read'}).",
            "Name the fields with --fields, as in prompt=question,answer=output.",
        )


def _nothing_left(opened: Source, refused: Sequence[RowRefusal]) -> FileError:
    if not refused:
        return FileError(f"{opened.name} has no rollouts in it.", "Write one rollout a line.")
    first = refused[0]
    others = f", and none of the {len(refused):,} is valid" if len(refused) > 1 else ""
    return FileError(
        f"{opened.name}, {opened.noun} {first.row}: {first.reason}{others}.",
        "Correct the file, or name other fields with --fields.",
    )


def _size(rollout: Rollout) -> int:
    columns = (rollout.prompt_ids, rollout.answer_ids, rollout.entropy)
    return (
        len(rollout.question)
        + len(rollout.answer or "")
        + sum(column.nbytes for column in columns if column is not None)
    )


def _grouped(rollouts: Sequence[Rollout]) -> tuple[Rollout, ...]:
    """Rollouts of the same prompt in one group, where the file names none: numbered from 1,
    past the numbers that it names."""
    numbers: dict[Any, str] = {}
    taken = {rollout.group for rollout in rollouts}
    free = (str(n) for n in count(1) if str(n) not in taken)

    def named(rollout: Rollout) -> Rollout:
        if rollout.group:
            return rollout
        ids = rollout.prompt_ids
        prompt = json_text(rollout.prompt) if rollout.prompt else None
        key = (prompt if ids is None else ids.tobytes(), rollout.gold)
        if key not in numbers:
            numbers[key] = next(free)
        return replace(rollout, group=numbers[key])

    return tuple(map(named, rollouts))
