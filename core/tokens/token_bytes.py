"""The bytes that tokens stand for, and the characters that a row of them spells.

A byte-level vocabulary has a sign for every byte; SentencePiece with byte fallback writes what it
has no piece for as <0xE4>. Either way a character may be spread over tokens, and a token may end
one character and begin the next, which decoding tokens to text can't tell apart.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable
from typing import Any

from transformers.convert_slow_tokenizer import bytes_to_unicode

TokenBytes = Callable[[int], bytes | None]
"""Bytes of a token; None for an id that the tokenizer doesn't have."""

_BYTE_OF = {sign: byte for byte, sign in bytes_to_unicode().items()}
_BYTE_PIECE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_PIECE_DECODERS = {"Replace", "ByteFallback", "Fuse", "Strip", "Metaspace"}


def token_bytes(tokenizer: Any) -> TokenBytes | None:
    """How to read a tokenizer's tokens as bytes; None where its decoder is of no known kind."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    decoder = getattr(backend, "decoder", None)
    if backend is None or decoder is None:
        return None
    steps = _steps(json.loads(decoder.__getstate__()))
    kinds = {step["type"] for step in steps}
    added = {i: str(token).encode() for i, token in tokenizer.added_tokens_decoder.items()}
    if kinds <= {"ByteLevel", "Fuse"} and "ByteLevel" in kinds:
        return lambda i: added[i] if i in added else _byte_level(backend.id_to_token(i))
    space = _space_sign(steps)
    if kinds <= _PIECE_DECODERS and space is not None:
        return lambda i: added[i] if i in added else _piece(backend.id_to_token(i), space)
    return None


def _steps(decoder: dict[str, Any]) -> list[dict[str, Any]]:
    if decoder["type"] != "Sequence":
        return [decoder]
    return [step for each in decoder["decoders"] for step in _steps(each)]


def _space_sign(steps: list[dict[str, Any]]) -> str | None:
    """The sign that stands for a space; None where the decoder replaces anything else too."""
    signs = set()
    for step in steps:
        if step["type"] == "Metaspace":
            signs.add(step["replacement"])
        elif step["type"] == "Replace":
            if step["content"] != " " or "String" not in step["pattern"]:
                return None
            signs.add(step["pattern"]["String"])
    return signs.pop() if len(signs) == 1 else None


def _byte_level(token: str | None) -> bytes | None:
    if token is None:
        return None
    if all(sign in _BYTE_OF for sign in token):
        return bytes(_BYTE_OF[sign] for sign in token)
    return token.encode()


def _piece(token: str | None, space: str) -> bytes | None:
    if token is None:
        return None
    if byte := _BYTE_PIECE.fullmatch(token):
        return bytes.fromhex(byte.group(1))
    return token.replace(space, " ").encode()


def as_brackets(data: bytes) -> str:
    """Bytes that are no characters, as the screen shows them: ⟨E4 B8⟩."""
    return f"⟨{data.hex(' ').upper()}⟩"


class Spelling:
    """Reads bytes token by token. `pieces` has one entry a token: the characters that begin in
    it, and its bytes that belong to none in brackets."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self._open = b""  # the beginning of a character
        self._owners: list[int] = []  # of each of these bytes, the token it stands in
        self._broken: tuple[int, bytes] = (-1, b"")  # what the last piece ends with, if broken

    def push(self, data: bytes) -> None:
        """Add a token's bytes."""
        self._owners += [len(self.pieces)] * len(data)
        self.pieces.append("")
        self._open += data
        self._read(at_end=False)

    def finish(self) -> None:
        """No more bytes: what is still no whole character never becomes one."""
        self._read(at_end=True)

    def _read(self, at_end: bool) -> None:
        while self._open:
            try:
                text, used = codecs.utf_8_decode(self._open, "strict", at_end)
                broken = used
            except UnicodeDecodeError as error:
                text = self._open[: error.start].decode()
                used, broken = error.end, error.start
            if used == 0:
                return
            place = 0
            for character in text:
                self._put(self._owners[place], character)
                place += len(character.encode())
            for place in range(broken, used):
                self._put_broken(self._owners[place], self._open[place : place + 1])
            self._open, self._owners = self._open[used:], self._owners[used:]

    def _put(self, owner: int, character: str) -> None:
        self.pieces[owner] += character
        self._broken = (-1, b"")

    def _put_broken(self, owner: int, byte: bytes) -> None:
        before, data = self._broken
        if before == owner:
            self.pieces[owner] = self.pieces[owner].removesuffix(as_brackets(data))
        else:
            data = b""
        self.pieces[owner] += as_brackets(data + byte)
        self._broken = (owner, data + byte)
