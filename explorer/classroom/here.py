"""The class that this server serves, if any, and who looks at the page that is drawn."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import streamlit as st

from core.classroom.people import People, Person
from core.classroom.room import ROOM, Room
from core.runs.runs_folder import RunsFolder
from core.system.environment import rollouts_folder, runs_folder, sessions_folder

COOKIE = "fork_explorer_seat"
_LOOKED_AT = "person whose work the teacher looks at"
_LEFT = "left"  # folder of those who have left, in which there is nothing


@dataclass(frozen=True)
class Classroom:
    """The class of this server."""

    room: Room
    people: People


@cache
def classroom() -> Classroom | None:
    """The class that this server serves; None for the plain app.

    Raises:
        AppError: its file can't be read.
    """
    folder = os.environ.get(ROOM)
    if not folder:
        return None
    room = Room.read(Path(folder))
    return Classroom(room, room.people())


def person_here() -> Person | None:
    """Who looks at this page; None in the plain app."""
    found = classroom()
    return None if found is None else found.people.find(st.context.cookies.get(COOKIE))


def has_left() -> bool:
    """Whether this page is of a class, and of someone who is no longer in it: a tab that stayed
    open."""
    return classroom() is not None and person_here() is None


def owner_here() -> Person | None:
    """Whose runs the page shows: the person's own, or those that the teacher looks at."""
    person, found = person_here(), classroom()
    if person is None or found is None or not person.teacher:
        return person
    wanted = st.session_state.get(_LOOKED_AT)
    return next((each for each in found.people.everyone() if each.id == wanted), person)


def look_at(person: Person) -> None:
    """Let the teacher see a person's runs."""
    st.session_state[_LOOKED_AT] = person.id


def runs_here() -> RunsFolder:
    """The runs of whoever looks at this page."""
    return RunsFolder(_folder_here("runs", runs_folder()))


def rollouts_here() -> Path:
    """The folder of the files of rollouts that whoever looks at this page has opened."""
    return _folder_here("rollouts", rollouts_folder())


def sessions_here() -> list[Path]:
    """The folders of the sessions that whoever looks at this page may open: their own first; the
    teacher may open all."""
    person, found = person_here(), classroom()
    if found is None:
        return [sessions_folder()]
    if person is None:
        return [found.room.folder / _LEFT / "sessions"]
    others = found.people.everyone() if person.teacher else []
    return [person.sessions, *(each.sessions for each in others if each is not person)]


def _folder_here(name: str, plain: Path) -> Path:
    found, owner = classroom(), owner_here()
    if found is None:
        return plain
    return (found.room.folder / _LEFT if owner is None else owner.folder) / name
