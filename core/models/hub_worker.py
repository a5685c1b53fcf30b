"""Worker process that downloads a model or an adapter from the hub.

`core.models.hub_download` starts it with the arguments of `fetch` as JSON in its first argument,
and reads one JSON object per line: `{"done": bytes, "total": bytes}` during the download, then
`{"folder": path}` or `{"fault": name, ...}`. It exits when its input closes, and deletes the
incomplete file.

It is a process because a download must stop at once when cancelled, wherever it hangs, and because
huggingface_hub reads its environment variables only once, at import.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

import httpx2
from huggingface_hub import (
    HfApi,
    constants,
    get_token,
    hf_hub_download,
    resolve_revision,
    set_client_factory,
    try_to_load_from_cache,
)
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    RevisionResolutionError,
)
from huggingface_hub.hf_api import RepoFile

from core.models.files import is_whole
from core.models.hub_files import INDEX, MARK, Kind, UnfitError, wanted_files
from core.system.child_process import replies_of_worker

_CHUNK = 1 << 20  # bytes per report; a broken connection loses less than this
_COMMIT = re.compile(r"[0-9a-f]{40}")
_BAD_TOKEN = "Invalid credentials in Authorization header"  # the hub's wording
_replies: TextIO | None = None


class FaultError(Exception):
    """A fault, which the parent process explains to the user."""

    def __init__(self, name: str, **facts: Any) -> None:
        super().__init__(name)
        self.reply = {"fault": name, **facts}


class _CancelledError(BaseException):
    """The parent closed the input or has died."""


class _Reports:
    """Counts the bytes of all files and reports progress."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.finished = 0  # bytes of complete files
        self._shown = -1

    def show(self, partial: int = 0) -> None:
        """Report progress, which never decreases, even if a file is restarted."""
        done = min(self.finished + partial, self.total)
        if done > self._shown:
            self._shown = done
            _reply({"done": done, "total": self.total})

    def bar(self) -> type:
        """A progress bar class for huggingface_hub."""
        reports = self

        class Bar:
            def __init__(self, *args: Any, **kwargs: Any) -> None:
                self.bytes = int(kwargs.get("initial") or 0)

            def update(self, n: float = 1) -> None:
                self.bytes += int(n)
                reports.show(self.bytes)

            def close(self) -> None: ...

            def __enter__(self) -> Bar:
                return self

            def __exit__(self, *_: object) -> None: ...

        return Bar


def fetch(hub_id: str, revision: str | None, kind: Kind, code: bool) -> Path:
    """Fetch missing files; arguments as for `core.models.hub_download.download`.

    Returns:
        The snapshot's folder in the hub's cache.

    Raises:
        FaultError, UnfitError: not available.
        HfHubHTTPError, OSError: from huggingface_hub.
    """
    if constants.HF_HUB_OFFLINE:
        return _cached(hub_id, revision, kind, "HF_HUB_OFFLINE is set")
    weights_say_all = kind != "facts" and not code  # they are fetched last
    try:
        commit = resolve_revision(hub_id, revision=revision).resolved  # no request for a hash
        if not _COMMIT.fullmatch(commit):
            raise FaultError("broken", detail="it names no commit")
        folder = _in_cache(hub_id, commit, kind) if weights_say_all else None
        return folder or _download(hub_id, commit, kind, code)
    except (httpx2.TransportError, LocalEntryNotFoundError, RevisionResolutionError) as error:
        return _cached(hub_id, revision, kind, _why(error))


def _why(error: BaseException | None) -> str:
    """Why the hub can't be used, in words."""
    while error is not None:
        match error:
            case httpx2.ConnectError():
                return "no server answers at its address"
            case httpx2.TimeoutException():
                return "it takes too long to answer"
            case HfHubHTTPError():
                return f"it answers with status {error.response.status_code}"
            case httpx2.TransportError():
                return "the connection keeps breaking"
        error = error.__cause__
    return "the server there is not a hub"


def _download(hub_id: str, commit: str, kind: Kind, code: bool) -> Path:
    listing = HfApi().list_repo_tree(hub_id, revision=commit, recursive=False)
    sizes = {entry.path: entry.size for entry in listing if isinstance(entry, RepoFile)}
    names = wanted_files(sizes, kind, code=code)
    missing = [name for name in names if not _is_cached(hub_id, name, commit)]
    check_disk(sum(sizes[name] for name in missing))
    reports = _Reports(sum(sizes[name] for name in names))
    reports.finished = sum(sizes[name] for name in names if name not in missing)
    reports.show()
    for name in missing:
        hf_hub_download(hub_id, name, revision=commit, tqdm_class=reports.bar())
        reports.finished += sizes[name]
        reports.show()
    return Path(hf_hub_download(hub_id, MARK[kind], revision=commit)).parent


def _is_cached(hub_id: str, name: str, revision: str | None) -> bool:
    return isinstance(try_to_load_from_cache(hub_id, name, revision=revision), str)


def _in_cache(hub_id: str, revision: str | None, kind: Kind) -> Path | None:
    """The snapshot's folder if it is complete."""
    mark = try_to_load_from_cache(hub_id, MARK[kind], revision=revision)
    if not isinstance(mark, str):
        return None
    folder = Path(mark).parent
    is_snapshot = folder.parent.name == "snapshots" and _COMMIT.fullmatch(folder.name)
    return folder if is_snapshot and is_whole(folder, kind) else None


def _cached(hub_id: str, revision: str | None, kind: Kind, why: str) -> Path:
    folder = _in_cache(hub_id, revision, kind)
    if folder is None:
        begun = any(_is_cached(hub_id, name, revision) for name in (MARK[kind], INDEX))
        raise FaultError("unreachable", why=why, begun=begun)
    return folder


def check_disk(needed: int) -> None:
    """Check the free disk space.

    Args:
        needed: bytes.

    Raises:
        FaultError: not enough space.
    """
    place = Path(constants.HF_HUB_CACHE)
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if needed > free:
        raise FaultError("disk", needed=needed, free=free, place=str(constants.HF_HUB_CACHE))


def fault_of(error: Exception) -> dict[str, Any]:
    """The report of an error to the parent. Never the library's message, which may quote the
    request and so the token."""
    token = get_token() is not None
    match error:
        case FaultError():
            return error.reply
        case UnfitError():
            return {"fault": "unfit", "holds": error.holds}
        case RevisionNotFoundError():
            return {"fault": "no_revision"}
        case GatedRepoError():
            return {"fault": "gated", "token": token}
        case RepositoryNotFoundError():
            return {"fault": "not_found", "token": token}
        case HfHubHTTPError():
            status = error.response.status_code
            if error.response.headers.get("X-Error-Message") == _BAD_TOKEN:
                return {"fault": "bad_token"}
            if status in (401, 404):
                return {"fault": "not_found", "token": token}
            if status == 403:
                return {"fault": "forbidden", "token": token}
            return {"fault": "status", "status": status}
        case OSError() if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return {"fault": "disk_full", "place": str(constants.HF_HUB_CACHE)}
        case PermissionError():
            return {"fault": "unwritable", "place": str(constants.HF_HUB_CACHE)}
        case OSError() if "Consistency check" in str(error):
            return {"fault": "broken", "detail": "a file has another size than announced"}
    return {"fault": "broken", "detail": type(error).__name__}


def _client() -> httpx2.Client:
    """huggingface_hub's client, plus time limits on all requests; a reset connection is resumed
    like a closed one."""
    hooks: dict[str, list[Callable[..., Any]]] = {
        "request": [_limit_time],
        "response": [_continue_after_reset],
    }
    return httpx2.Client(event_hooks=hooks, follow_redirects=True)


def _limit_time(request: httpx2.Request) -> None:
    limits = request.extensions.get("timeout") or {}
    if not any(limits.values()):
        limit = httpx2.Timeout(constants.HF_HUB_DOWNLOAD_TIMEOUT).as_dict()
        request.extensions = {**request.extensions, "timeout": limit}


class _Body(httpx2.SyncByteStream):
    def __init__(self, body: Any) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._body
        except httpx2.ReadError as error:
            raise httpx2.RemoteProtocolError(f"reset: {error}") from error

    def close(self) -> None:
        self._body.close()


def _continue_after_reset(response: httpx2.Response) -> None:
    response.stream = _Body(response.stream)


def _reply(message: dict[str, Any]) -> None:
    print(json.dumps(message), file=_replies or sys.stdout, flush=True)


def _end_with_parent() -> None:
    """Wait for the end of the input, then interrupt the main thread."""
    sys.stdin.buffer.read()
    main_thread = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main_thread is not None:
        signal.pthread_kill(main_thread, signal.SIGTERM)
    else:
        os.kill(os.getpid(), signal.SIGTERM)


def _cancel(signal_number: int, frame: FrameType | None) -> None:
    raise _CancelledError


def main() -> None:
    """Run `fetch` with the arguments from the command line."""
    global _replies
    _replies = replies_of_worker()
    signal.signal(signal.SIGTERM, _cancel)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    request = json.loads(sys.argv[1])
    constants.DOWNLOAD_CHUNK_SIZE = _CHUNK
    set_client_factory(_client)
    try:
        _reply({"folder": str(fetch(**request))})
    except _CancelledError:
        pass
    except Exception as error:
        _reply(fault_of(error))


if __name__ == "__main__":
    main()
