"""A class on a real server, without browsers: each person sees the chains of their own clicks.

FORK_EXPLORER_SOAK_MINUTES=60 makes an hour of it, after which memory must have stayed flat.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from drawn_app import needs_demo

from benchmarks.class_at_once import Classroom, Seat, attend, enter, seated
from core.models.language_model import load_language_model
from core.models.spec import ModelSpec

SOAK = float(os.environ.get("FORK_EXPLORER_SOAK_MINUTES", "0"))
FLAT = 1.25  # times the memory of the tenth minute

pytestmark = [needs_demo, pytest.mark.slow]


@pytest.fixture(scope="module")
def class_(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[list[Seat], Classroom]]:
    with seated(tmp_path_factory.mktemp("home"), 3) as found:
        yield found


def test_three_students_see_their_own_chains_and_a_fourth_finds_the_class_full(
    class_: tuple[list[Seat], Classroom],
) -> None:
    seats, served = class_
    with pytest.raises(PermissionError, match="The class is full: 3 of 3 seats are taken"):
        enter(served.url, "Late", served.passwords["student"])
    with pytest.raises(PermissionError, match="not the password"):
        enter(served.url, "Guest", "guess")
    server = psutil.Process().children()[-1]
    lm = load_language_model(ModelSpec())
    found = asyncio.run(attend(seats, lm, 0.5, max(4.0, SOAK * 60), server))
    assert not found.foreign
    assert len(found.forces) >= 3 * 2
    if len(found.memory) > 10:
        assert max(found.memory[10:]) < FLAT * found.memory[9]
    people = json.loads((served.room.folder / "people.json").read_text())
    for person in people:
        own: Path = served.room.folder / person["id"] / "sessions"
        assert list(own.glob("*.json")), "everyone's work is in a folder of their own"
        assert person["tokens"] > 0
    assert sorted(each["name"] for each in people) == ["Student 0", "Student 1", "Student 2"]
