"""progress.jsonl: the events of a run, one a line, only ever appended.

| event    | written by                      | says                                            |
|----------|---------------------------------|-------------------------------------------------|
| launched | whoever starts a child process  | one is about to start; `launch` is its token    |
| spawned  | the same, right after           | the child's process                             |
| started  | the child, once it has the lock | work begins                                     |
| progress | the child, at most 2 a second   | how far it is; independent of earlier ones      |
| cancel   | whoever asks it to stop         | a person wants the run to end                   |
| ended    | the child                       | done, cancelled, or failed and why              |

The last line may be half written when it is read. Readers look at the two ends of the file only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from core.system.durable_files import append_line, end_last_line

_HEAD, _TAIL = 4 * 1024, 64 * 1024  # bytes


class Event(BaseModel):
    """One line; which fields are set depends on `event`."""

    model_config = ConfigDict(frozen=True)

    event: Literal["launched", "spawned", "started", "progress", "cancel", "ended"]
    time: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC))
    launch: str | None = None
    pid: int | None = None
    birth: str | None = None  # see core.runs.liveness
    host: str | None = None
    done: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    total: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    unit: str | None = None
    what: str | None = None
    elapsed: float | None = Field(default=None, ge=0, allow_inf_nan=False)  # s, over all starts
    seconds_left: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    seconds_least: float | None = Field(default=None, ge=0, allow_inf_nan=False)  # at the next one
    notice: str | None = None  # damage that was found at this start
    state: Literal["done", "cancelled", "failed"] | None = None
    error: str | None = None
    remedy: str | None = None


@dataclass(frozen=True)
class Events:
    """What could be read of a run's events, oldest first."""

    events: tuple[Event, ...]
    damaged: int  # invalid lines among those read
    size: int  # bytes of the file

    @property
    def first_start(self) -> datetime | None:
        """When work began."""
        return next((each.time for each in self.events if each.event == "started"), None)


class EventLog:
    """The events of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, event: Event) -> None:
        """Append an event; all but progress events have reached the disk when this returns.

        Raises:
            OSError: the disk is full or can't be written.
        """
        # A file name in a message may contain lone surrogates, which JSON can't encode.
        text: dict[str, Any] = {
            key: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
            for key, value in event.model_dump(exclude_none=True).items()
        }
        line = Event.model_construct(**text).model_dump_json(exclude_none=True)
        append_line(self.path, line.encode(), sync=event.event != "progress")

    def size(self) -> int:
        """Bytes; 0 if the file doesn't exist."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    def read(self, start: int | None = None) -> Events:
        """The first and the last events, or all from byte `start` on.

        Raises:
            OSError: the file is there and can't be read.
        """
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, 2)
                if start is None and size > _HEAD + _TAIL:
                    file.seek(0)
                    first, _ = _parse(file.read(_HEAD).split(b"\n")[:-1])
                    file.seek(size - _TAIL)
                    last, damaged = _parse(_whole_lines(file.read())[1:])
                    if last:  # only damaged lines were found: read the whole file
                        return Events((*first, *last), damaged, size)
                file.seek(start or 0)
                events, damaged = _parse(_whole_lines(file.read()))
        except FileNotFoundError:
            return Events((), 0, 0)
        return Events(tuple(events), damaged, size)

    def cut_half_line(self) -> None:
        """Cut off a last line that a crash left half written, before more is appended.

        Raises:
            OSError: the file can't be written.
        """
        end_last_line(self.path, whole=False)


def _whole_lines(data: bytes) -> list[bytes]:
    return data.split(b"\n")[:-1]  # what follows the last newline is still being written


def _parse(lines: Iterable[bytes]) -> tuple[list[Event], int]:
    events: list[Event] = []
    damaged = 0
    for line in lines:
        if line.strip():
            try:
                events.append(Event.model_validate_json(line))
            except ValidationError:
                damaged += 1
    return events, damaged
