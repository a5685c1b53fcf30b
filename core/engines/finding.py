"""Find out what a server is, before a run: its kind, its version, and the names it knows."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from core.engines.beside import Here, carried_out
from core.engines.client import KEY, EngineClient
from core.engines.protocol import (
    COMPLETIONS,
    Answer,
    UnreadableAnswerError,
    completion_request,
    read_answer,
)
from core.engines.served import Score, ServedEngine
from core.errors import EngineError, examples
from core.records import Sampler
from core.system.terminal_text import printable

_PATIENCE = 5.0  # seconds: a person waits
_ANY_ID = 2**31


class _Card(BaseModel):
    id: str
    owned_by: str = ""
    root: str | None = None
    parent: str | None = None  # of an adapter: its base
    max_model_len: int | None = None


class _Cards(BaseModel):
    data: list[_Card]


class _Version(BaseModel):
    version: str | None = None


def find_engine(
    url: str,
    model: str | None = None,
    *,
    adapter: bool = False,
    score: Score = Score.ALL,
    patience: float = _PATIENCE,
) -> ServedEngine:
    """A server as a run's config keeps it. Whether its model is the one in hand is checked when
    the run begins.

    Args:
        url: its address, with or without /v1.
        model: its own name of the model or adapter; None: of its only base model.
        adapter: whether the model in hand has an adapter, whose name there must be given.
        score: which chains are scored here.
        patience: seconds for which it is asked.

    Raises:
        EngineError: not an address; nothing answers there; no such name; no token ids.
    """
    address = checked_address(url)

    async def work(_: Here) -> ServedEngine:
        async with EngineClient(address, patience=patience) as client:
            cards = await client.get("/v1/models", _read_cards)
            card = _chosen(cards, model, adapter)
            version = await version_of(client)
            request = completion_request(card.id, "1", Sampler(), max_tokens=1)
            await client.post(COMPLETIONS, request, _read_any)
        return ServedEngine(
            url=address,
            model=card.id,
            server=printable(card.owned_by),
            version=version,
            context_length=card.max_model_len,
            score=score,
        )

    found = carried_out(work, lambda: False)
    assert found is not None
    return found


def checked_address(url: str) -> str:
    """A server's address, without /v1.

    Raises:
        EngineError: it is not one, or it has a key or password in it.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if "@" in url or parts.query or parts.fragment:
        raise EngineError(
            "The engine's address has more in it than host and path, which the run would keep.",
            f"Give it bare, and its API key in the environment variable {KEY}.",
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isprintable():
        raise EngineError(
            f"{printable(url)!r} is not the address of a server.",
            "Give one such as http://localhost:8000.",
        )
    path = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{'' if port is None else f':{port}'}{path}"


async def version_of(client: EngineClient) -> str | None:
    """The version that a server says it has; None where it doesn't."""
    try:
        return await client.get("/version", _read_version)
    except EngineError:
        return None


def _chosen(cards: Sequence[_Card], model: str | None, adapter: bool) -> _Card:
    names = [printable(card.id) for card in cards]
    known = f"It serves {examples(names)}." if names else "It serves no model."
    if model is not None:
        found = [card for card in cards if card.id == model]
        if not found:
            raise EngineError(f"The engine has no model {model!r}. {known}", "Give one of these.")
        return found[0]
    if adapter:
        raise EngineError(
            f"The model has an adapter, and its name on the engine isn't given. {known}",
            "Give it with --engine-model (vLLM: --enable-lora --lora-modules NAME=FOLDER).",
        )
    bases = [card for card in cards if card.parent is None]
    if not bases or len({card.root for card in bases}) > 1:
        raise EngineError(
            f"Which model of the engine is meant isn't clear. {known}", "Name it: --engine-model."
        )
    return bases[0]


def _read_cards(body: bytes) -> list[_Card]:
    try:
        return _Cards.model_validate_json(body).data
    except ValidationError as error:
        raise EngineError(
            "The server at this address has no list of models.",
            "Give the address of a vLLM or SGLang server, such as http://localhost:8000.",
        ) from error


def _read_version(body: bytes) -> str | None:
    try:
        version = _Version.model_validate_json(body).version
    except ValidationError:
        return None
    return None if version is None else printable(version)


def _read_any(body: bytes) -> Answer:
    try:
        return read_answer(body, _ANY_ID)
    except UnreadableAnswerError as error:
        raise EngineError(
            f"The server doesn't complete a text: {error}.", "Look into the server's log."
        ) from error
