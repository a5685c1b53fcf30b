"""The websocket between a page and its server, whose messages a test can hold back."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, WebSocketRoute


class Wire:
    """The messages between a page and its server, each way of which can be stopped for a while.

    Args:
        page: before it is opened.
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        self.stopped: dict[str, list[str | bytes]] = {}  # by the way, "up" or "down"
        self._send: dict[str, Callable[[str | bytes], None]] = {}
        page.route_web_socket("**/_stcore/stream", self._connect)

    def _connect(self, socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        self._send = {"up": server.send, "down": socket.send}
        socket.on_message(lambda message: self._pass("up", message))
        server.on_message(lambda message: self._pass("down", message))

    def _pass(self, way: str, message: str | bytes) -> None:
        if way in self.stopped:
            self.stopped[way].append(message)
        else:
            self._send[way](message)

    def stop(self, way: str) -> None:
        """Keep the messages of a way."""
        self.stopped[way] = []

    def wait(self, way: str, text: bytes) -> None:
        """Until a message with this text has been stopped."""
        while not any(isinstance(each, bytes) and text in each for each in self.stopped[way]):
            self._page.wait_for_timeout(20)

    def release(self, way: str) -> None:
        """Send what was kept, in its order, and what comes after it."""
        for message in self.stopped.pop(way):
            self._send[way](message)
