"""A package registry on localhost: the simple API in HTML or JSON, files with ranges, slow or
breaking, for the tests."""

from __future__ import annotations

import json
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_BLOCK = 1 << 16  # bytes


@dataclass
class Registry:
    """A running registry: projects, each with its files."""

    url: str  # of its simple API
    projects: dict[str, dict[str, bytes]] = field(default_factory=dict)
    requests: list[tuple[str, str | None]] = field(default_factory=list)  # path, range
    json: bool = True
    ranges: bool = True
    breaks: int = 0  # connections still to break in the middle of a file
    bytes_a_second: float | None = None
    login: tuple[str, str] | None = None
    status: int | None = None

    @property
    def url_with_login(self) -> str:
        assert self.login is not None
        return self.url.replace("http://", f"http://{self.login[0]}:{self.login[1]}@")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: Registry

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        registry = self.registry
        registry.requests.append((self.path, self.headers.get("Range")))
        wanted = registry.login and b64encode(":".join(registry.login).encode()).decode()
        if registry.status is not None:
            self._answer(registry.status, "text/plain", b"out of order")
        elif wanted and self.headers.get("Authorization") != f"Basic {wanted}":
            self._answer(401, "text/plain", b"who are you?")
        elif self.path.startswith("/simple/"):
            self._page(self.path.removeprefix("/simple/").strip("/"))
        else:
            project, _, name = self.path.removeprefix("/files/").partition("/")
            self._file(registry.projects[project][name])

    def _page(self, project: str) -> None:
        files = self.registry.projects.get(project)
        if files is None:
            return self._answer(404, "text/plain", b"no such project")
        links = {name: f"../../files/{project}/{name}" for name in files}
        if self.registry.json and "json" in self.headers.get("Accept", ""):
            body = json.dumps({"files": [{"filename": n, "url": u} for n, u in links.items()]})
            return self._answer(200, "application/vnd.pypi.simple.v1+json", body.encode())
        anchors = "".join(f'<a href="{u}#sha256=0">{n}</a><br>\n' for n, u in links.items())
        return self._answer(200, "text/html", f"<html><body>{anchors}</body></html>".encode())

    def _file(self, data: bytes) -> None:
        asked = self.headers.get("Range") if self.registry.ranges else None
        start = int((asked or "bytes=0-").removeprefix("bytes=").split("-")[0])
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        for at in range(start, len(data), _BLOCK):
            if self.registry.breaks and at - start >= 3 * _BLOCK:
                self.registry.breaks -= 1
                self.close_connection = True
                return
            try:
                self.wfile.write(data[at : at + _BLOCK])
            except OSError:  # the client is gone
                self.close_connection = True
                return
            if self.registry.bytes_a_second:
                time.sleep(_BLOCK / self.registry.bytes_a_second)

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def running_registry() -> Iterator[Registry]:
    """A registry until the end of the block."""
    handler = type("Handler", (_Handler,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        registry = Registry(f"http://127.0.0.1:{server.server_port}/simple")
        handler.registry = registry  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield registry
        finally:
            server.shutdown()
