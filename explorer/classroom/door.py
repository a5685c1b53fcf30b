"""The door of a class: a page that asks for the password once, before anything of the app is
served.

It stands before all of Streamlit, so that neither a page nor a websocket, an upload or a download
is reached without a seat.
"""

from __future__ import annotations

import asyncio
import html
import time
from collections import deque
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg

from core.classroom.people import Person
from core.errors import AppError
from explorer.classroom.here import COOKIE, Classroom

ENTER, LEAVE = "/class/enter", "/class/leave"
_OPEN = ("/_stcore/health",)  # says only that the server works
_LONGEST = 4096  # bytes of what the page sends
_DAY = 86_400  # seconds that a browser keeps its seat's cookie
_WRONG, _MINUTE = 60, 60.0  # wrong passwords in so many seconds, from all browsers together
_PAGE = (Path(__file__).parent / "door.html").read_text("utf-8")


class Door:
    """Lets those with a seat through.

    Args:
        app: Streamlit.
        room: the class.
    """

    def __init__(self, app: ASGIApp, room: Classroom) -> None:
        self._app, self._room = app, room
        self._wrong: deque[float] = deque()  # when

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind not in ("http", "websocket") or scope["path"] in _OPEN:
            await self._app(scope, receive, send)
            return
        person = self._room.people.find(_cookie(scope))
        if kind == "websocket":
            await self._connect(person, scope, receive, send)
        elif scope["path"] == ENTER and scope["method"] == "POST":
            await self._enter(receive, send, secure=scope.get("scheme") == "https")
        elif person is None:
            await self._ask(send)
        elif scope["path"] == LEAVE:
            self._room.people.forget(person)
            await _answer(send, 303, "", [("location", "/"), ("set-cookie", _gone())])
        else:
            try:
                if not person.seated:
                    self._room.people.touch(person)
            except AppError as error:
                await self._ask(send, str(error), 503)
                return
            await self._app(scope, receive, send)

    async def _connect(
        self, person: Person | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if person is None:
            await send({"type": "websocket.close", "code": 1008})
            return

        async def watched() -> Message:
            message = await receive()
            data = message.get("bytes")
            if message["type"] != "websocket.receive" or not data:
                return message
            # Where it ends, the browser asks for the page again, which says why.
            ended: Message = {"type": "websocket.disconnect", "code": 1008}
            if self._room.people.find(_cookie(scope)) is not person:
                return ended  # has left in another tab
            if _is_click(data):
                try:
                    self._room.people.touch(person)
                except AppError:
                    return ended
            return message

        await self._app(scope, watched, send)

    async def _enter(self, receive: Receive, send: Send, *, secure: bool) -> None:
        form = await _form(receive)
        now = time.monotonic()
        while self._wrong and self._wrong[0] < now - _MINUTE:
            self._wrong.popleft()
        if len(self._wrong) >= _WRONG:
            await self._ask(send, "Too many wrong passwords. Try again in a minute.", 429)
            return
        role = await asyncio.to_thread(self._room.room.role_of, form.get("password", ""))
        if role is None:
            self._wrong.append(now)
            await self._ask(send, "This is not the password of this class. Type it again.", 403)
            return
        try:
            _, token = self._room.people.enter(form.get("name", ""), teacher=role == "teacher")
        except AppError as error:
            await self._ask(send, str(error), 503)
            return
        await _answer(send, 303, "", [("location", "/"), ("set-cookie", _kept(token, secure))])

    async def _ask(self, send: Send, message: str = "", status: int = 401) -> None:
        body = _PAGE.replace("{{enter}}", ENTER).replace("{{message}}", html.escape(message))
        await _answer(send, status, body)


def _is_click(data: bytes) -> bool:
    """Whether a message of a page comes from a person: pages also ask by themselves while work
    runs, and show that they are there."""
    try:
        message = BackMsg.FromString(data)
    except Exception:  # Streamlit says what is wrong with it
        return False
    rerun = message.WhichOneof("type") == "rerun_script"
    return rerun and not message.rerun_script.is_auto_rerun


def _cookie(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"cookie":
            found = SimpleCookie(value.decode("latin-1")).get(COOKIE)
            if found is not None:
                return found.value
    return None


def _kept(token: str, secure: bool) -> str:
    more = "; Secure" if secure else ""
    return f"{COOKIE}={token}; Path=/; Max-Age={_DAY}; HttpOnly; SameSite=Lax{more}"


def _gone() -> str:
    return f"{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"


async def _form(receive: Receive) -> dict[str, str]:
    """The fields that the page has sent; none where it sent too much."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > _LONGEST or message["type"] == "http.disconnect":
            return {}
        if not message.get("more_body", False):
            break
    fields = parse_qs(body.decode("utf-8", "replace"))
    return {name: values[0] for name, values in fields.items()}


async def _answer(
    send: Send, status: int, body: str, headers: list[tuple[str, str]] | None = None
) -> None:
    data = body.encode("utf-8")
    own = [
        ("content-type", "text/html; charset=utf-8"),
        ("content-length", str(len(data))),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
        ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'"),
    ]
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(a.encode(), b.encode("latin-1")) for a, b in own + (headers or [])],
        }
    )
    await send({"type": "http.response.body", "body": data})
