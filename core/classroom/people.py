"""The people of a class: who sits where, what each has used, and who is let in.

A person is known by a random token that their browser keeps as a cookie; only its hash is stored.
All methods may be called from any thread.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.classroom.settings import ClassSettings
from core.errors import AppError, ResourceError
from core.system.durable_files import replace_file
from core.system.json_text import json_text

_WINDOW = 300.0  # seconds over which tokens a minute are counted
_LONGEST_NAME = 40
_SIZE_KNOWN = 10.0  # seconds for which the size of a folder is kept


@dataclass(eq=False)
class Person:
    """A student, or the teacher."""

    id: str
    name: str
    teacher: bool
    folder: Path  # of their sessions and runs
    token_hash: str
    tokens: int = 0  # of their chains, in all
    seen: float = 0.0  # the clock's, of the latest click
    seated: bool = True
    recent: deque[tuple[float, int]] = field(default_factory=deque)  # when, tokens

    @property
    def runs(self) -> Path:
        """The folder of their runs."""
        return self.folder / "runs"

    @property
    def sessions(self) -> Path:
        """The folder of their sessions."""
        return self.folder / "sessions"


class People:
    """Who is in the class.

    Args:
        folder: where people and their folders are kept.
        settings: seats and limits.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        folder: Path,
        settings: ClassSettings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder, self.settings, self._clock = folder, settings, clock
        self._lock = threading.RLock()
        self._sizes: dict[str, tuple[float, int]] = {}  # by person: when, bytes
        self._people = {each.token_hash: each for each in self._stored()}

    def enter(self, name: str, *, teacher: bool = False) -> tuple[Person, str]:
        """Give a newcomer a seat: the person, and the token for their browser.

        Raises:
            AppError: all seats are taken.
        """
        token = secrets.token_urlsafe(24)
        with self._lock:
            if not teacher:
                self._take_seat()
            number = 1 + sum(not each.teacher for each in self._people.values())
            shown = " ".join(name.split())[:_LONGEST_NAME]
            person_id = secrets.token_hex(6)
            person = Person(
                person_id,
                shown or ("Teacher" if teacher else f"Student {number}"),
                teacher,
                self._folder / person_id,
                _hash(token),
                seen=self._clock(),
            )
            self._people[person.token_hash] = person
            self.keep()
        return person, token

    def find(self, token: str | None) -> Person | None:
        """The person with a token, whether they have a seat or not."""
        if not token:
            return None
        with self._lock:
            return self._people.get(_hash(token))

    def touch(self, person: Person) -> None:
        """Note a click, by which a person whose seat was given up takes one again.

        Raises:
            AppError: all seats are taken.
        """
        with self._lock:
            if not person.seated and not person.teacher:
                self._take_seat()
            person.seated, person.seen = True, self._clock()

    def leave(self, person: Person) -> None:
        """Give up a seat; what the person made is kept."""
        with self._lock:
            person.seated = False

    def forget(self, person: Person) -> None:
        """Give up a seat and the token of its browser; what the person made is kept."""
        with self._lock:
            person.seated = False
            self._people.pop(person.token_hash, None)
            person.token_hash = secrets.token_hex(32)  # of no token
            self._people[person.token_hash] = person
            self.keep()

    def seated(self) -> list[Person]:
        """The students who have a seat, in the order in which they came. Those that were idle for
        too long have none."""
        with self._lock:
            limit = self._clock() - 60 * self.settings.idle_minutes
            for each in self._people.values():
                if each.seen < limit:
                    each.seated = False
            return [each for each in self._people.values() if each.seated and not each.teacher]

    def everyone(self) -> list[Person]:
        """All who were ever in the class."""
        with self._lock:
            self.seated()
            return list(self._people.values())

    def idle_minutes(self, person: Person) -> int:
        """Whole minutes since a person's latest click."""
        return int((self._clock() - person.seen) / 60)

    def charge(self, person: Person, tokens: int) -> None:
        """Count tokens of a person's chains."""
        with self._lock:
            person.tokens += tokens
            now, recent = self._clock(), person.recent
            if recent and now - recent[-1][0] < 1:
                recent[-1] = (recent[-1][0], recent[-1][1] + tokens)
            else:
                recent.append((now, tokens))

    def check_tokens(self, person: Person) -> None:
        """Check before and while tokens are made.

        Raises:
            ResourceError: the person has used all that a student may.
        """
        if person.teacher:
            return
        with self._lock:
            now, limits = self._clock(), self.settings
            while person.recent and person.recent[0][0] <= now - _WINDOW:
                person.recent.popleft()
            used, allowed = sum(n for _, n in person.recent), limits.tokens_a_minute * _WINDOW / 60
            if person.tokens >= limits.tokens_in_all:
                raise ResourceError(
                    f"You have used all {limits.tokens_in_all:,} tokens that a student has in this "
                    "class.",
                    "Ask your teacher for more; what you made stays readable.",
                )
            if used >= allowed:
                over, wait = used - allowed, 0.0
                for when, tokens in person.recent:
                    wait, over = when + _WINDOW - now, over - tokens
                    if over < 0:
                        break
                raise ResourceError(
                    f"You have used {used:,} tokens in five minutes; a student has "
                    f"{limits.tokens_a_minute:,} a minute.",
                    f"Try again in {max(int(wait), 1)} s.",
                )

    def check_disk(self, person: Person) -> None:
        """Check before something is made that takes space.

        Raises:
            ResourceError: the person's sessions and runs take more than a student may.
        """
        if person.teacher:
            return
        taken, allowed = self.size(person) / 1e6, self.settings.disk
        if taken >= allowed:
            raise ResourceError(
                f"Your sessions and runs take {taken:,.0f} MB of the {allowed:,} MB that a student "
                "has.",
                "Delete runs on the page Runs, or ask your teacher for more.",
            )

    def check_runs(self, person: Person, working: int) -> None:
        """Check before a run is started.

        Args:
            working: runs of the person that are at work.

        Raises:
            ResourceError: they are as many as a student may have at once.
        """
        most = self.settings.runs_at_once
        if person.teacher or working < most:
            return
        if most == 0:
            raise ResourceError(
                "Students start no runs in this class.",
                "Work with single chains on Explore, or ask your teacher to start the run.",
            )
        runs = "1 run is" if working == 1 else f"{working} runs are"
        raise ResourceError(
            f"{runs} still at work; a student has {most} at once.",
            "Wait for it to end, or cancel it on the page Runs.",
        )

    def size(self, person: Person) -> int:
        """Bytes of a person's folder, as of the last seconds."""
        now = self._clock()
        with self._lock:
            when, known = self._sizes.get(person.id, (-_SIZE_KNOWN, 0))
        if now - when < _SIZE_KNOWN:
            return known
        found = sum(_bytes(path) for path in person.folder.rglob("*"))
        with self._lock:
            self._sizes[person.id] = now, found
        return found

    def _take_seat(self) -> None:
        seats = self.settings.seats
        taken = len(self.seated())
        if taken >= seats:
            raise AppError(
                f"The class is full: {taken} of {seats} seats are taken.",
                "Try again when someone leaves; a seat without a click for "
                f"{self.settings.idle_minutes} minutes becomes free by itself.",
            )

    def keep(self) -> None:
        """Store who is in the class and what each has used, for a server that is started again.

        Raises:
            AppError: the disk is full or can't be written.
        """
        try:
            with self._lock:
                rows = [
                    {
                        "id": each.id,
                        "name": each.name,
                        "teacher": each.teacher,
                        "token": each.token_hash,
                        "tokens": each.tokens,
                    }
                    for each in self._people.values()
                ]
                self._folder.mkdir(parents=True, exist_ok=True)
                replace_file(self._list, json_text(rows).encode(), private=True)
        except OSError as error:
            raise AppError(
                f"The list of the class can't be stored ({error.strerror}).",
                f"Free space in {self._folder}.",
            ) from error

    @property
    def _list(self) -> Path:
        return self._folder / "people.json"

    def _stored(self) -> list[Person]:
        """People of an earlier server, without seats until they click again."""
        try:
            rows: list[dict[str, Any]] = json.loads(self._list.read_bytes())
            return [
                Person(
                    id=str(row["id"]),
                    name=str(row["name"]),
                    teacher=bool(row["teacher"]),
                    folder=self._folder / str(row["id"]),
                    token_hash=str(row["token"]),
                    tokens=int(row["tokens"]),
                    seated=False,
                )
                for row in rows
            ]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise AppError(
                f"The list of the class, {self._list}, can't be read ({error}).",
                "Move the file away: then all enter anew; their folders stay beside it.",
            ) from error


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _bytes(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:  # removed meanwhile
        return 0
