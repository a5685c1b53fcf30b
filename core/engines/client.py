"""Requests to a served engine: many at once, asked again while the server is away or busy."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx2

from core.engines.protocol import UnreadableAnswerError, said
from core.errors import EngineError

KEY = "FORK_EXPLORER_ENGINE_KEY"
"""Environment variable with the server's API key, which is sent as a bearer token and kept
nowhere."""

PATIENCE = 600.0
"""Seconds for which a request is asked again, from its first fault in a row."""

_LIMITS = httpx2.Timeout(10.0, read=1800.0, pool=None)  # seconds; an answer comes when it is whole
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0  # seconds
_AGAIN = {408, 425, 429}  # and 500 to 599
_MISSING = 404
_UNAUTHORISED = {401, 403}

_T = TypeVar("_T")


class _Fault(Exception):  # noqa: N818 - it may pass
    """Something that may pass."""

    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
        self.why, self.wait = why, wait


class EngineClient:
    """A connection to a server; an asynchronous context manager.

    Args:
        url: of the server, without /v1.
        patience: seconds for which a request is asked again.
        on_wait: called with the reason, in words, before a request waits to be asked again.
    """

    def __init__(
        self,
        url: str,
        *,
        patience: float = PATIENCE,
        on_wait: Callable[[str], None] = lambda why: None,
    ) -> None:
        self.url, self.patience = url, patience
        self._on_wait = on_wait
        self._key = os.environ.get(KEY, "").strip()
        self.was_interrupted = False
        """Whether a connection broke: another server may answer now."""

    async def __aenter__(self) -> Self:
        if not (self._key.isascii() and self._key.isprintable()):
            raise EngineError(
                f"The API key in {KEY} has characters that no header of a request can hold.",
                "Set it to the key alone, of one line.",
            )
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        self._http = httpx2.AsyncClient(
            base_url=self.url,
            headers=headers,
            timeout=_LIMITS,
            trust_env=False,  # no other credentials, and no proxy
            transport=httpx2.AsyncHTTPTransport(
                limits=httpx2.Limits(max_connections=None), socket_options=_KEEPALIVE
            ),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def post(self, path: str, fields: Mapping[str, Any], read: Callable[[bytes], _T]) -> _T:
        """What `read` makes of the answer, asked again until it can be read.

        Raises:
            EngineError: the server refuses, or it didn't answer for all of the patience.
        """
        return await self._patiently(lambda: self._http.post(path, json=fields), path, read)

    async def get(self, path: str, read: Callable[[bytes], _T]) -> _T:
        """As `post`."""
        return await self._patiently(lambda: self._http.get(path), path, read)

    async def _patiently(
        self,
        ask: Callable[[], Awaitable[httpx2.Response]],
        path: str,
        read: Callable[[bytes], _T],
    ) -> _T:
        begun: float | None = None
        tries = 0
        while True:
            try:
                return read(await self._once(ask, path))
            except UnreadableAnswerError as error:
                fault = _Fault(str(error))
            except _Fault as error:
                fault = error
            now = time.monotonic()
            begun = now if begun is None else begun
            wait = max(_back_off(tries), fault.wait or 0.0)  # also where it asks for 0 s
            if now + wait - begun > self.patience:
                raise _gave_up(self.url, fault, now - begun)
            self._on_wait(fault.why)
            tries += 1
            await asyncio.sleep(wait)

    async def _once(self, ask: Callable[[], Awaitable[httpx2.Response]], path: str) -> bytes:
        try:
            response = await ask()
        except httpx2.TransportError as error:
            self.was_interrupted = True
            raise _Fault(_why(error)) from error
        except httpx2.DecodingError as error:
            raise _Fault("its answer can't be read") from error
        status = response.status_code
        if status == httpx2.codes.OK:
            return response.content
        words = said(response.content)
        if status in _AGAIN or status >= 500:
            why = f"it answers with status {status}"
            raise _Fault(f"{why}: {words}" if words else why, _retry_after(response.headers))
        raise _refusal(self.url, path, status, words)


def _back_off(tries: int) -> float:
    """Seconds to wait after so many tries: twice as long each time, less a random part, so that
    many requests don't come back at once."""
    longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(tries, 16))
    return longest * (0.5 + random.random() / 2)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that a server asks to wait; None where it doesn't say."""
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal() and len(text) < 10:
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _why(error: httpx2.TransportError) -> str:
    match error:
        case httpx2.ConnectError() if "CERTIFICATE" in str(error).upper():
            return "its certificate isn't trusted on this machine"
        case httpx2.ConnectError() | httpx2.ConnectTimeout():
            return "nothing answers at its address"
        case httpx2.TimeoutException():
            return "it takes too long to answer"
    return "the connection broke"


def _gave_up(url: str, fault: _Fault, seconds: float) -> EngineError:
    asks = fault.wait is not None and fault.wait > seconds
    tried = f"asked to wait {fault.wait:.0f} s" if asks else f"tried for {seconds:.0f} s"
    return EngineError(
        f"The engine at {url} doesn't answer: {fault.why} ({tried}).",
        "See to the server and start it again; what is finished of a run is kept, and --resume "
        "continues it.",
    )


def _refusal(url: str, path: str, status: int, words: str) -> EngineError:
    if status in _UNAUTHORISED:
        return EngineError(
            f"The engine at {url} asks for another key (status {status}).",
            f"Put its API key into the environment variable {KEY}.",
        )
    if status == _MISSING and words in ("", "Not Found"):
        return EngineError(
            f"The server at {url} has no {path}.",
            "Give the address of a vLLM or SGLang server, such as http://localhost:8000.",
        )
    answer = f"status {status}: {words}" if words else f"status {status}"
    return EngineError(
        f"The engine at {url} refuses a request ({answer}).",
        "Change the settings that it names, or start the server with others.",
    )


# The other machine may lose its power while it works on an answer.
_KEEPALIVE = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4))
        if hasattr(socket, name)
    ),
]
