"""A visitor without a browser: what Streamlit's page sends and receives over its websocket.

It answers as the page would: it asks again for the parts that poll, sends the state of what was
clicked with every request, and names the messages that it still has, so that the server works as
hard as for a browser. Only the drawing is missing.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.BidiComponent_pb2 import BidiComponent
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

_KEPT = 20  # script runs for which messages are kept: some are referred to while others run
_PATIENCE = 120.0  # seconds until a connection counts as refused
_EVENTS = "$$STREAMLIT_INTERNAL_KEY_{}__events"


class Visitor:
    """One tab. Use it as `async with Visitor(url) as visitor`.

    Args:
        url: of the app, http://host:port.
        cookie: sent with the request to connect.
        on_draw: called with the key and the data of every component that is drawn.
    """

    def __init__(
        self,
        url: str,
        cookie: str | None = None,
        on_draw: Callable[[str, dict[str, Any]], None] = lambda *_: None,
    ) -> None:
        self._address = url.replace("http", "ws", 1) + "/_stcore/stream"
        self._headers = {} if cookie is None else {"Cookie": cookie}
        self._query = self._script = ""
        self._components: dict[str, BidiComponent] = {}  # by key
        self._fragments: dict[str, str] = {}  # of components and buttons, by key and label
        self._buttons: dict[str, str] = {}  # ids by label
        self._selects: dict[str, tuple[str, list[str]]] = {}  # ids and options by label
        self._chosen: dict[str, str] = {}  # options by the id of their select box
        self._on_draw = on_draw
        self._states: dict[str, str] = {}  # JSON of components, by id
        self._polls: dict[str, asyncio.Task[None]] = {}  # by fragment
        self._known: dict[str, tuple[int, ForwardMsg]] = {}  # by hash: latest run, message
        self._runs = 0
        self._changed = asyncio.Event()
        self.texts: list[str] = []  # of alerts, exceptions and markdown, since the latest run began
        self.received = 0  # bytes

    async def __aenter__(self) -> Visitor:
        self._socket: ClientConnection = await connect(
            self._address,
            additional_headers=self._headers,
            subprotocols=["streamlit"],  # type: ignore[list-item]
            max_size=None,
            open_timeout=_PATIENCE,
        )
        self._reader = asyncio.create_task(self._read())
        await self._ask()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in (*self._polls.values(), self._reader):
            task.cancel()
        await self._socket.close()

    def data(self, key: str) -> dict[str, Any] | None:
        """What a component was sent last; None if it isn't on the page."""
        found = self._components.get(key)
        return None if found is None or not found.json else json.loads(found.json)

    async def select(self, key: str, **value: Any) -> None:
        """Set the state `selected` of a component, as a click does."""
        component = self._components[key]
        self._states[component.id] = json.dumps({"selected": value})
        await self._ask(self._fragments.get(key, ""))

    async def trigger(self, key: str, event: str, **value: Any) -> None:
        """Report an event of a component once."""
        component = self._components[key]
        payload = json.dumps([{"event": event, "value": value}])
        await self._ask(
            self._fragments.get(key, ""), trigger=(_EVENTS.format(component.id), payload)
        )

    async def press(self, label: str) -> None:
        """Press a button."""
        await self._ask(self._fragments.get(label, ""), pressed=self._buttons[label])

    def options(self, label: str) -> list[str]:
        """What a select box offers; nothing where there is none."""
        return list(self._selects[label][1]) if label in self._selects else []

    async def choose(self, label: str, option: str) -> None:
        """Choose in a select box."""
        widget, _ = self._selects[label]
        self._chosen[widget] = option
        await self._ask(self._fragments.get(label, ""))

    def has_button(self, label: str) -> bool:
        """Whether there is a button with this label."""
        return label in self._buttons

    async def until(self, there: Callable[[], bool], seconds: float) -> float:
        """Wait until something is on the page; returns the seconds that it took.

        Raises:
            TimeoutError: it took too long.
            ConnectionError: the server has closed the connection.
        """
        began = time.perf_counter()
        async with asyncio.timeout(seconds):
            while not there():
                if self._reader.done():
                    raise ConnectionError(f"The connection has ended: {self._reader.exception()}")
                self._changed.clear()
                await self._changed.wait()
        return time.perf_counter() - began

    async def _ask(
        self,
        fragment: str = "",
        *,
        polled: bool = False,
        trigger: tuple[str, str] | None = None,
        pressed: str | None = None,
    ) -> None:
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_script_hash = self._query, self._script
        state.fragment_id, state.is_auto_rerun = fragment, polled
        state.cached_message_hashes.extend(self._known)
        for widget, value in self._states.items():
            state.widget_states.widgets.add(id=widget, json_value=value)
        for widget, option in self._chosen.items():
            state.widget_states.widgets.add(id=widget, string_value=option)
        if trigger is not None:
            state.widget_states.widgets.add(id=trigger[0], json_trigger_value=trigger[1])
        if pressed is not None:
            state.widget_states.widgets.add(id=pressed, trigger_value=True)
        await self._socket.send(message.SerializeToString())

    async def _read(self) -> None:
        try:
            async for data in self._socket:
                assert isinstance(data, bytes)
                self.received += len(data)
                message = ForwardMsg.FromString(data)
                if message.WhichOneof("type") == "ref_hash":
                    _, kept = self._known[message.ref_hash]
                    self._known[message.ref_hash] = (self._runs, kept)
                    whole = ForwardMsg()
                    whole.CopyFrom(kept)
                    whole.metadata.CopyFrom(message.metadata)
                    whole.hash = message.ref_hash
                    message = whole
                if message.hash and message.metadata.cacheable:
                    self._known[message.hash] = (self._runs, message)
                self._take(message)
        finally:
            self._changed.set()

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._begin_run(message)
        elif kind == "page_info_changed":
            self._query = message.page_info_changed.query_string
        elif kind == "delta":
            self._draw(message)
        elif kind == "auto_rerun":
            again = message.auto_rerun
            self._stop_polling(again.fragment_id)
            self._polls[again.fragment_id] = asyncio.create_task(
                self._poll(again.fragment_id, again.interval)
            )
        elif kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                self._stop_polling(fragment)
        elif kind == "script_finished":
            self._runs += 1
            old = [key for key, (run, _) in self._known.items() if run < self._runs - _KEPT]
            for key in old:
                del self._known[key]
            self._changed.set()

    def _begin_run(self, message: ForwardMsg) -> None:
        self._script = message.new_session.page_script_hash
        self.texts.clear()
        if not message.metadata.run.fragment_ids:  # the whole page
            for fragment in list(self._polls):
                self._stop_polling(fragment)

    def _draw(self, message: ForwardMsg) -> None:
        element = message.delta.new_element
        kind = element.WhichOneof("type")
        if kind == "bidi_component":
            component = element.bidi_component
            key = component.id.rsplit("-", 1)[-1]
            self._components[key] = component
            self._fragments[key] = message.delta.fragment_id
            if component.json:
                self._on_draw(key, json.loads(component.json))
        elif kind == "button":
            self._buttons[element.button.label] = element.button.id
            self._fragments[element.button.label] = message.delta.fragment_id
        elif kind == "selectbox":
            box = element.selectbox
            self._selects[box.label] = (box.id, list(box.options))
            self._fragments[box.label] = message.delta.fragment_id
        elif kind == "alert":
            self.texts.append(element.alert.body)
        elif kind == "exception":
            self.texts.append(element.exception.message)
        elif kind == "markdown":
            self.texts.append(element.markdown.body)

    async def _poll(self, fragment: str, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            await self._ask(fragment, polled=True)

    def _stop_polling(self, fragment: str) -> None:
        task = self._polls.pop(fragment, None)
        if task is not None:
            task.cancel()
