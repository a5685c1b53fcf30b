"""Worker process that downloads a model or an adapter from the hub.

`core.models.hub_download` starts it with the arguments of `fetch`, through
`core.models.worker_reports`. When it is stopped it deletes the incomplete file.

It is a process because a download must stop at once when cancelled, wherever it hangs, and because
huggingface_hub reads its environment variables only once, at import.
"""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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
from core.models.hub_files import INDEX, MARK, Kind, UnfitError, wanted_files, wanted_with
from core.models.worker_reports import FaultError, reply, serve

_CHUNK = 1 << 20  # bytes per report; a broken connection loses less than this
_COMMIT = re.compile(r"[0-9a-f]{40}")
_BAD_TOKEN = "Invalid credentials in Authorization header"  # the hub's wording


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
            reply({"done": done, "total": self.total})

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


def fetch(
    hub_id: str, revision: str | None, kind: Kind, code: bool, file: str | None = None
) -> Path:
    """Fetch missing files; arguments as for `core.models.hub_download.download`.

    Returns:
        The snapshot's folder in the hub's cache, or the file in it.

    Raises:
        FaultError, UnfitError: not available.
        HfHubHTTPError, OSError: from huggingface_hub.
    """
    if constants.HF_HUB_OFFLINE:
        return _cached(hub_id, revision, kind, file, "HF_HUB_OFFLINE is set")
    weights_say_all = kind != "facts" and not code  # they are fetched last
    try:
        commit = resolve_revision(hub_id, revision=revision).resolved  # no request for a hash
        if not _COMMIT.fullmatch(commit):
            raise FaultError("broken", detail="it names no commit")
        found = _in_cache(hub_id, commit, kind, file) if weights_say_all else None
        return found or _download(hub_id, commit, kind, code, file)
    except (httpx2.TransportError, LocalEntryNotFoundError, RevisionResolutionError) as error:
        return _cached(hub_id, revision, kind, file, _why(error))


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


def _download(hub_id: str, commit: str, kind: Kind, code: bool, file: str | None) -> Path:
    listing = HfApi().list_repo_tree(hub_id, revision=commit, recursive=False)
    sizes = {entry.path: entry.size for entry in listing if isinstance(entry, RepoFile)}
    names = wanted_with(file, sizes) if file else wanted_files(sizes, kind, code=code)
    missing = [name for name in names if not _is_cached(hub_id, name, commit)]
    check_disk(sum(sizes[name] for name in missing))
    reports = _Reports(sum(sizes[name] for name in names))
    reports.finished = sum(sizes[name] for name in names if name not in missing)
    reports.show()
    for name in missing:
        hf_hub_download(hub_id, name, revision=commit, tqdm_class=reports.bar())
        reports.finished += sizes[name]
        reports.show()
    mark = Path(hf_hub_download(hub_id, file or MARK[kind], revision=commit))
    return mark if file else mark.parent


def _is_cached(hub_id: str, name: str, revision: str | None) -> bool:
    return isinstance(try_to_load_from_cache(hub_id, name, revision=revision), str)


def _in_cache(hub_id: str, revision: str | None, kind: Kind, file: str | None) -> Path | None:
    """The snapshot's folder if it is complete, or the file in it."""
    mark = try_to_load_from_cache(hub_id, file or MARK[kind], revision=revision)
    if not isinstance(mark, str):
        return None
    if file:
        return Path(mark)
    folder = Path(mark).parent
    is_snapshot = folder.parent.name == "snapshots" and _COMMIT.fullmatch(folder.name)
    return folder if is_snapshot and is_whole(folder, kind) else None


def _cached(hub_id: str, revision: str | None, kind: Kind, file: str | None, why: str) -> Path:
    found = _in_cache(hub_id, revision, kind, file)
    if found is None:
        begun = any(_is_cached(hub_id, name, revision) for name in (MARK[kind], INDEX))
        raise FaultError("unreachable", why=why, begun=begun)
    return found


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
        case UnfitError():
            return {"fault": "unfit", "holds": error.holds, "files": error.files}
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


def _work(request: dict[str, Any]) -> dict[str, Any]:
    """Run `fetch` with the arguments from the command line."""
    constants.DOWNLOAD_CHUNK_SIZE = _CHUNK
    set_client_factory(_client)
    return {"folder": str(fetch(**request))}


if __name__ == "__main__":
    serve(_work, fault_of)
