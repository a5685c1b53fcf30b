"""A class: seats, limits a person, passwords that are not kept, and models that are fixed."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from core.classroom.people import People, Person
from core.classroom.room import ROOM, Room, new_password
from core.classroom.settings import ClassSettings
from core.errors import AppError, ModelError, ResourceError
from core.models.spec import DEMO_TEACHER, ModelSpec

PASSWORDS: Any = {"student": "k7mw-3xqf", "teacher": "zz22-aa33"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def people(folder: Path, clock: Clock, **limits: int) -> People:
    return People(folder, ClassSettings(**limits), clock)


def entered(class_: People, name: str = "Ann") -> Person:
    return class_.enter(name)[0]


def test_a_full_class_says_so_until_someone_leaves(tmp_path: Path, clock: Clock) -> None:
    class_ = people(tmp_path, clock, seats=2)
    ann, _ = entered(class_, "Ann"), entered(class_, "Bob")
    with pytest.raises(AppError, match=r"full: 2 of 2 seats are taken\. Try again when") as full:
        class_.enter("Cem")
    assert "45 minutes" in full.value.remedy
    teacher, _ = class_.enter("", teacher=True)
    assert teacher.name == "Teacher", "who needs no seat"
    class_.leave(ann)
    entered(class_, "Cem")
    assert [each.name for each in class_.seated()] == ["Bob", "Cem"]
    with pytest.raises(AppError):
        class_.touch(ann)


def test_a_seat_without_a_click_becomes_free_and_is_taken_again(
    tmp_path: Path, clock: Clock
) -> None:
    class_ = people(tmp_path, clock, seats=1, idle_minutes=10)
    ann, token = class_.enter("Ann")
    clock.now += 599
    class_.touch(ann)
    clock.now += 599
    with pytest.raises(AppError):
        class_.enter("Bob")
    clock.now += 2
    bob = entered(class_, "Bob")
    assert class_.find(token) is ann
    assert not ann.seated
    class_.leave(bob)
    class_.touch(ann)
    assert class_.seated() == [ann]


def test_a_server_that_starts_again_knows_its_people(tmp_path: Path, clock: Clock) -> None:
    class_ = people(tmp_path, clock)
    ann, token = class_.enter("  Ann\n Lee ")
    class_.charge(ann, 1234)
    class_.keep()
    assert token not in (tmp_path / "people.json").read_text()
    assert (tmp_path / "people.json").stat().st_mode & 0o077 == 0
    again = people(tmp_path, clock).find(token)
    assert again is not None
    assert (again.id, again.name, again.tokens) == (ann.id, "Ann Lee", 1234)
    assert again.folder == ann.folder
    assert people(tmp_path, clock).find("something else") is None
    (tmp_path / "people.json").write_text("[{}]")
    with pytest.raises(AppError, match="can't be read"):
        people(tmp_path, clock)


def test_who_has_left_needs_the_password_again_and_keeps_the_folder(
    tmp_path: Path, clock: Clock
) -> None:
    class_ = people(tmp_path, clock)
    ann, token = class_.enter("Ann")
    class_.forget(ann)
    assert class_.find(token) is None
    assert class_.everyone() == [ann]
    assert entered(class_, "Ann").folder != ann.folder


def test_tokens_are_counted_over_five_minutes_and_in_all(tmp_path: Path, clock: Clock) -> None:
    class_ = people(tmp_path, clock, tokens_a_minute=100, tokens_in_all=900)
    ann = entered(class_)
    class_.charge(ann, 300)
    clock.now += 60
    class_.charge(ann, 199)
    class_.check_tokens(ann)
    class_.charge(ann, 1)
    with pytest.raises(ResourceError, match=r"500 tokens in five minutes.*Try again in 240 s"):
        class_.check_tokens(ann)
    clock.now += 241
    class_.check_tokens(ann)
    class_.charge(ann, 400)
    with pytest.raises(ResourceError, match=r"all 900 tokens.*Ask your teacher"):
        class_.check_tokens(ann)
    teacher, _ = class_.enter("", teacher=True)
    class_.charge(teacher, 10**6)
    class_.check_tokens(teacher)


def test_disk_and_runs_have_limits_in_words(tmp_path: Path, clock: Clock) -> None:
    class_ = people(tmp_path, clock, disk=1, runs_at_once=1)
    ann = entered(class_)
    class_.check_disk(ann)
    ann.runs.mkdir(parents=True)
    (ann.runs / "large").write_bytes(bytes(1_000_001))
    clock.now += 11
    with pytest.raises(ResourceError, match=r"take 1 MB of the 1 MB.*Delete runs"):
        class_.check_disk(ann)
    class_.check_runs(ann, 0)
    with pytest.raises(ResourceError, match=r"1 run is still at work; a student has 1 at once"):
        class_.check_runs(ann, 1)
    with pytest.raises(ResourceError, match="start no runs"):
        people(tmp_path / "b", clock, runs_at_once=0).check_runs(ann, 0)


def test_a_password_opens_for_its_role_and_is_not_kept(tmp_path: Path) -> None:
    Room.new(tmp_path, ClassSettings(seats=3), ("demo",), PASSWORDS)
    room = Room.read(tmp_path)
    assert room.settings.seats == 3
    assert room.role_of(" K7MW-3xqf ") == "student"
    assert room.role_of("zz22-aa33") == "teacher"
    assert room.role_of("k7mw-3xqg") is room.role_of("") is None
    kept = (tmp_path / "room.json").read_text()
    assert not any(each in kept for each in PASSWORDS.values())
    assert (tmp_path / "room.json").stat().st_mode & 0o077 == 0
    with pytest.raises(AppError, match="are equal"):
        Room.new(tmp_path, ClassSettings(), ("demo",), {"student": "same", "teacher": "same"})
    with pytest.raises(AppError, match="There is no class"):
        Room.read(tmp_path / "elsewhere")
    assert len({new_password() for _ in range(50)}) == 50


def test_only_the_models_of_the_class_are_loaded(tmp_path: Path) -> None:
    room = Room.new(tmp_path, ClassSettings(), ("demo", "smollm2"), PASSWORDS)
    own = tmp_path / "ab12" / "runs" / "train-1" / "adapter"
    for allowed in (
        ModelSpec("demo"),
        ModelSpec("smollm2"),
        ModelSpec("demo", DEMO_TEACHER),
        ModelSpec("demo", str(own)),
    ):
        room.check_model(allowed)
    for refused in (
        ModelSpec("Qwen/Qwen2.5-0.5B"),
        ModelSpec(str(tmp_path)),
        ModelSpec("demo", "/etc"),
        ModelSpec("demo", f"{tmp_path}/../elsewhere"),
        ModelSpec("demo", "someone/adapter"),
        ModelSpec("demo", trust_remote_code=True),
    ):
        with pytest.raises(ModelError):
            room.check_model(refused)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    commands: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _, command: commands.append(command))
    for name in (ROOM, "FORK_EXPLORER_PASSWORD", "FORK_EXPLORER_TEACHER_PASSWORD"):
        monkeypatch.setenv(name, "")  # put back afterwards, whatever the command sets
        monkeypatch.delenv(name)
    monkeypatch.setenv("HF_HUB_OFFLINE", os.environ.get("HF_HUB_OFFLINE", "0"))
    monkeypatch.setenv("FORK_EXPLORER_HOME", str(tmp_path))
    return commands


def test_the_command_prints_passwords_once_and_serves_the_door(
    run: Any, started: list[list[str]], tmp_path: Path
) -> None:
    code, out, err = run("classroom", "--port", free_port(), "--seats", 25, "--runs-at-once", 0)
    assert (code, out) == (0, "")
    student, teacher = (
        line.rsplit(" ", 1)[1] for line in err.splitlines() if "Password of" in line
    )
    room = Room.read(tmp_path / "classroom")
    assert room.role_of(student) == "student"
    assert room.role_of(teacher) == "teacher"
    assert (room.settings.seats, room.settings.runs_at_once, room.models) == (25, 0, ("demo",))
    (command,) = started
    assert command[5].endswith("explorer/served.py")
    assert not any(each in " ".join(command) for each in (student, teacher)), "others see it"
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert os.environ[ROOM] == str(tmp_path / "classroom")


def test_passwords_of_the_environment_are_neither_printed_nor_handed_on(
    run: Any, started: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORK_EXPLORER_PASSWORD", "Open-Sesame")
    code, _, err = run("classroom", "--port", free_port())
    assert code == 0
    assert "sesame" not in err.lower()
    assert "FORK_EXPLORER_PASSWORD" not in os.environ
    assert Room.read(tmp_path / "classroom").role_of("open-sesame") == "student"
    assert "sesame" not in json.dumps(started)


def test_a_model_that_is_not_there_is_refused_before_class(
    run: Any, started: list[list[str]]
) -> None:
    code, _, err = run("classroom", "--port", free_port(), "--model", "/no/such/folder")
    assert code == 2
    assert "/no/such/folder" in err
    assert not started
