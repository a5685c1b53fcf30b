"""Nothing of the app is reached without a seat, and each person has a folder of their own."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from core.chains.session import Session
from core.classroom.room import Room
from core.classroom.settings import ClassSettings
from core.errors import ModelError, ResourceError
from core.models.spec import ModelSpec
from explorer.classroom import here
from explorer.classroom.account import Account
from explorer.classroom.door import ENTER, LEAVE, Door
from explorer.classroom.here import COOKIE, Classroom
from explorer.workbench import Workbench

PASSWORDS: Any = {"student": "k7mw-3xqf", "teacher": "zz22-aa33"}


@pytest.fixture
def room(tmp_path: Path) -> Classroom:
    found = Room.new(tmp_path, ClassSettings(seats=1), ("demo",), PASSWORDS)
    return Classroom(found, found.people())


class Served:
    """A door before an app that answers "inside"."""

    def __init__(self, room: Classroom) -> None:
        self.door = Door(self._inside, room)

    async def _inside(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            while (await receive())["type"] != "websocket.disconnect":
                pass
            await send({"type": "inside has ended"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"inside"})

    def ask(self, path: str, body: str = "", cookie: str = "") -> tuple[int, str, dict[str, str]]:
        """Status, body, headers."""
        scope = {
            "type": "http",
            "path": path,
            "method": "POST" if body else "GET",
            "scheme": "http",
            "headers": [(b"cookie", cookie.encode())] if cookie else [],
        }
        sent = self._run(scope, [{"type": "http.request", "body": body.encode()}])
        headers = {a.decode(): b.decode() for a, b in sent[0]["headers"]}
        return sent[0]["status"], sent[1]["body"].decode(), headers

    def connect(self, messages: list[dict[str, Any]], cookie: str = "") -> list[dict[str, Any]]:
        headers = [(b"cookie", cookie.encode())] if cookie else []
        scope = {"type": "websocket", "path": "/_stcore/stream", "headers": headers}
        return self._run(scope, [*messages, {"type": "websocket.disconnect"}])

    def _run(self, scope: Any, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []
        left = iter(messages)

        async def receive() -> Any:
            return next(left)

        async def send(message: Any) -> None:
            sent.append(message)

        asyncio.run(self.door(scope, receive, send))
        return sent

    def enter(self, name: str = "Ann", password: str = "k7mw-3xqf") -> str:
        """The cookie of a newcomer."""
        status, _, headers = self.ask(ENTER, f"name={name}&password={password}")
        assert (status, headers["location"]) == (303, "/")
        assert "HttpOnly" in headers["set-cookie"]
        return headers["set-cookie"].split(";")[0]


@pytest.fixture
def served(room: Classroom) -> Served:
    return Served(room)


def click(*, by_itself: bool = False) -> dict[str, Any]:
    message = BackMsg()
    message.rerun_script.is_auto_rerun = by_itself
    return {"type": "websocket.receive", "bytes": message.SerializeToString()}


@pytest.mark.parametrize("path", ["/", "/runs", "/media/a.json", "/_stcore/upload_file/x", LEAVE])
@pytest.mark.parametrize("cookie", ["", f"{COOKIE}=guess", f"other=1; {COOKIE}="])
def test_without_a_seat_there_is_only_the_door(served: Served, path: str, cookie: str) -> None:
    status, body, _ = served.ask(path, cookie=cookie)
    assert status == 401
    assert "Password of the class" in body
    assert "inside" not in body
    assert served.connect([click()], cookie) == [{"type": "websocket.close", "code": 1008}]
    assert served.ask("/_stcore/health")[1] == "inside"


def test_the_password_is_asked_for_once(served: Served, room: Classroom) -> None:
    cookie = served.enter("Ann")
    assert served.ask("/", cookie=cookie)[:2] == (200, "inside")
    assert served.connect([click()], cookie) == [{"type": "inside has ended"}]
    assert [each.name for each in room.people.seated()] == ["Ann"]
    (ann,) = room.people.seated()
    assert served.ask(LEAVE, cookie=cookie)[0] == 303
    assert served.ask("/", cookie=cookie)[0] == 401
    served.connect([click()], cookie)
    assert not ann.seated, "a tab that stayed open takes no seat"


def test_a_wrong_password_is_said_and_many_have_to_wait(served: Served) -> None:
    for _ in range(60):
        served.door._wrong.append(float("inf"))
    status, body, _ = served.ask(ENTER, "password=k7mw-3xqf")
    assert status == 429
    assert "Try again in a minute" in body
    served.door._wrong.clear()
    status, body, _ = served.ask(ENTER, "password=%3Cb%3E")
    assert status == 403
    assert "not the password" in body
    assert served.ask(ENTER, "password=" + "x" * 5000)[0] == 403, "what is too long is not read"


def test_a_full_class_is_a_page_with_words_and_the_teacher_enters_anyway(served: Served) -> None:
    served.enter("Ann")
    status, body, _ = served.ask(ENTER, "name=Bob&password=k7mw-3xqf")
    assert status == 503
    assert "The class is full: 1 of 1 seats are taken. Try again when someone leaves" in body
    served.enter("", "zz22-aa33")


def test_a_tab_that_only_polls_keeps_no_seat_and_a_click_takes_it_again(
    served: Served, room: Classroom
) -> None:
    cookie = served.enter("Ann")
    (ann,) = room.people.seated()
    room.people.leave(ann)
    served.connect([click(by_itself=True)], cookie)
    assert not ann.seated
    served.connect([click()], cookie)
    assert ann.seated
    room.people.leave(ann)
    served.enter("Bob")
    served.connect([click()], cookie)
    assert not ann.seated
    assert served.ask("/", cookie=cookie)[0] == 503


@pytest.fixture
def seen_by(room: Classroom, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Draw as a person with this token."""

    def see(token: str) -> None:
        monkeypatch.setattr(here, "classroom", lambda: room)
        person = room.people.find(token)
        monkeypatch.setattr(here, "person_here", lambda: person)

    return see


def test_sessions_and_runs_are_a_persons_own_and_the_teacher_sees_all(
    room: Classroom, seen_by: Any
) -> None:
    ann, ann_token = room.people.enter("Ann")
    room.people.leave(ann)
    bob, bob_token = room.people.enter("Bob")
    _, teacher_token = room.people.enter("", teacher=True)
    bench = Workbench()
    seen_by(ann_token)
    opened = bench.new_session(Session(), here.sessions_here()[0])
    opened.save()
    assert (ann.sessions / f"{opened.id}.json").is_file()
    assert here.runs_here().folder == ann.runs
    for fresh in (bench, Workbench()):  # in memory, and from the disk
        seen_by(bob_token)
        assert here.runs_here().folder == bob.runs
        assert fresh.session(opened.id, here.sessions_here()) is None
        seen_by(teacher_token)
        found = fresh.session(opened.id, here.sessions_here())
        assert found is not None
        assert found.folder.path == ann.sessions
    seen_by("of a tab that stayed open after its person has left")
    assert here.runs_here().list() == []
    assert bench.session(opened.id, here.sessions_here()) is None


def test_work_is_refused_at_the_limit_and_stopped_when_it_is_reached(
    room: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, _ = room.people.enter("Ann")
    account = Account(room.people, ann)
    meter = account.meter()
    monkeypatch.setattr("explorer.classroom.account._SECONDS", -1.0)
    assert not meter.is_used_up(1000)
    assert ann.tokens == 1000
    assert meter.is_used_up(100_000)
    with pytest.raises(ResourceError, match="Try again in"):
        meter.close()
    assert ann.tokens == 100_000
    with pytest.raises(ResourceError):
        account.check()
    monkeypatch.setattr("explorer.classroom.account.classroom", lambda: room)
    opened = Workbench().new_session(Session(), ann.sessions)
    opened.start("Generating", lambda _: pytest.fail("not allowed"), None)
    assert isinstance(opened.notice, ResourceError)
    assert opened.task is None


def test_the_server_loads_no_other_model(room: Classroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.workbench.classroom", lambda: room)
    with pytest.raises(ModelError, match="This class works with demo; Qwen/"):
        Workbench().model(ModelSpec("Qwen/Qwen2.5-0.5B"))
