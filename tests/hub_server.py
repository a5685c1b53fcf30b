"""A hub on localhost: what huggingface_hub's client asks the real one, for the tests.

Repositories are folders, one a revision. It can be slow, break connections in the middle of a
file, ask for a token, and it remembers every request.
"""

from __future__ import annotations

import hashlib
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

_BLOCK = 1 << 16  # bytes


@dataclass
class Repository:
    """A model, or a dataset if its kind says so."""

    revisions: dict[str, Path]
    token: str | None = None  # who has none is not told that it exists
    gated: bool = False  # with a token only, and everybody knows that it exists
    kind: str = "models"

    def commit(self, revision: str) -> str | None:
        """The commit that a revision names."""
        commits = {name: self._commit(name) for name in self.revisions}
        return revision if revision in commits.values() else commits.get(revision)

    def folder(self, commit: str) -> Path:
        return next(path for name, path in self.revisions.items() if self._commit(name) == commit)

    def _commit(self, name: str) -> str:
        return hashlib.sha1(f"{name} {self.revisions[name]}".encode()).hexdigest()


@dataclass(frozen=True)
class Request:
    """What somebody asked for, and how many bytes of a file they got."""

    method: str
    path: str
    range: str | None
    token: str | None
    sent: int


@dataclass
class Hub:
    """A running hub."""

    url: str
    repositories: dict[str, Repository] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    breaks: int = 0  # connections still to break in the middle of weights
    reset: bool = False  # break them hard, as a dying router does
    break_after: int = 3 << 20  # bytes
    bytes_a_second: float | None = None
    status: int | None = None  # the answer to everything, if it is broken
    silence: float = 0.0  # seconds before every answer

    def add(
        self, name: str, folder: Path, revision: str = "main", **how: str | bool | None
    ) -> Repository:
        """Offer a folder as a revision of a repository."""
        repository = self.repositories.setdefault(name, Repository({}))
        repository.revisions[revision] = folder
        for key, value in how.items():
            setattr(repository, key, value)
        return repository

    def fetched(self, name: str) -> list[Request]:
        """The requests for a file's content."""
        return [r for r in self.requests if r.method == "GET" and r.path.endswith(f"/{name}")]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None: ...

    def _answer(self) -> None:
        sent = 0
        try:
            sent = self._dispatch()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            self.hub.requests.append(
                Request(
                    self.command,
                    unquote(urlsplit(self.path).path),
                    self.headers.get("Range"),
                    self._token(),
                    sent,
                )
            )

    def _dispatch(self) -> int:
        time.sleep(self.hub.silence)
        if self.hub.status is not None:
            return self._refuse(self.hub.status, "Broken", "Out of order.")
        parts = [unquote(part) for part in urlsplit(self.path).path.split("/") if part]
        if parts[:1] == ["api"]:
            return self._api(parts[1], parts[2:])
        kind = "datasets" if parts[:1] == ["datasets"] else "models"
        parts = parts[kind == "datasets" :]
        if "resolve" in parts:
            at = parts.index("resolve")
            name, revision = "/".join(parts[:at]), parts[at + 1]
            return self._resolve(kind, name, revision, "/".join(parts[at + 2 :]))
        return self._refuse(404, "EntryNotFound", "No such page.")

    def _api(self, kind: str, parts: list[str]) -> int:
        verb = next((word for word in ("revision", "tree") if word in parts), None)
        at = parts.index(verb) if verb else len(parts)
        name = "/".join(parts[:at])
        revision = parts[at + 1] if verb else "main"
        found = self._readable(kind, name, revision, listing=True)
        if found is None:
            return 0
        commit, folder = found
        if verb == "tree":
            return self._tree(folder, "/".join(parts[at + 2 :]), commit)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        siblings = [{"rfilename": path.relative_to(folder).as_posix()} for path in files]
        return self._json({"id": name, "sha": commit, "siblings": siblings})

    def _tree(self, folder: Path, below: str, commit: str) -> int:
        place = folder / below
        if not place.is_dir():
            return self._refuse(404, "EntryNotFound", "No such folder.", commit)
        recursive = parse_qs(urlsplit(self.path).query).get("recursive") == ["True"]
        entries = [
            {
                "type": "file" if path.is_file() else "directory",
                "path": path.relative_to(folder).as_posix(),
                "size": path.stat().st_size if path.is_file() else 0,
                "oid": _git_id(path) if path.is_file() else commit,
            }
            for path in sorted(place.rglob("*") if recursive else place.iterdir())
        ]
        return self._json(entries)

    def _resolve(self, kind: str, name: str, revision: str, file: str) -> int:
        found = self._readable(kind, name, revision)
        if found is None:
            return 0
        commit, folder = found
        path = folder / file
        if not path.is_file():
            return self._refuse(404, "EntryNotFound", "No such file.", commit)
        size = path.stat().st_size
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
        self.send_response(206 if start else 200)
        self.send_header("ETag", f'"{_git_id(path)}"')
        self.send_header("X-Repo-Commit", commit)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(size - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.end_headers()
        return self._send(path, start) if self.command == "GET" else 0

    def _send(self, path: Path, start: int) -> int:
        is_weights = path.suffix == ".safetensors"
        sent = 0
        with path.open("rb") as file:
            file.seek(start)
            while block := file.read(_BLOCK):
                if is_weights and self.hub.breaks and sent >= self.hub.break_after:
                    self.hub.breaks -= 1
                    self._break()
                    return sent
                self.wfile.write(block)
                sent += len(block)
                if is_weights and self.hub.bytes_a_second:
                    time.sleep(len(block) / self.hub.bytes_a_second)
        return sent

    def _break(self) -> None:
        if self.hub.reset:
            time.sleep(0.3)  # a reset takes with it what was sent and not read yet
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
        self.close_connection = True

    def _readable(
        self, kind: str, name: str, revision: str, *, listing: bool = False
    ) -> tuple[str, Path] | None:
        """The commit and its folder, or the answer is given: as the real hub does, which doesn't
        say to strangers whether a private repository exists."""
        repository = self.hub.repositories.get(name)
        token = self._token()
        if token is not None and not token.startswith("hf_"):
            self._refuse(401, None, "Invalid credentials in Authorization header")
        elif repository is None or repository.kind != kind:
            status = 401 if token is None else 404
            self._refuse(status, "RepoNotFound" if token else None, "Repository not found")
        elif repository.gated and not listing and token != repository.token:
            self._refuse(401 if token is None else 403, "GatedRepo", "Access is restricted.")
        elif repository.token not in (None, token) and not repository.gated:
            self._refuse(404 if token else 401, "RepoNotFound", "Repository not found")
        else:
            commit = repository.commit(revision)
            if commit is not None:
                return commit, repository.folder(commit)
            self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return None

    def _refuse(
        self, status: int, code: str | None, message: str, commit: str | None = None
    ) -> int:
        body = json.dumps({"error": message}).encode()
        self.send_response(status)
        if code is not None:
            self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", message)
        if commit is not None:
            self.send_header("X-Repo-Commit", commit)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)
        return 0

    def _json(self, value: object) -> int:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)
        return 0

    def _token(self) -> str | None:
        header = self.headers.get("Authorization")
        return None if header is None else header.removeprefix("Bearer ")


def _git_id(path: Path) -> str:
    return hashlib.sha1(path.read_bytes()).hexdigest()


@contextmanager
def running_hub() -> Iterator[Hub]:
    """A hub that runs until the block ends."""
    hub = Hub("")
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def hub_in_use(monkeypatch: pytest.MonkeyPatch, cache: Path) -> Iterator[Hub]:
    """A hub that the app takes for the real one, with a cache of its own and no token."""
    for name in ("HF_TOKEN", "HF_HUB_CACHE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("HF_HOME", str(cache))
    with running_hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub
