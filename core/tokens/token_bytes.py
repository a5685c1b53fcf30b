"""The bytes of tokens, and the characters that a sequence of tokens spells.

A byte-level vocabulary has a symbol for every byte; SentencePiece with byte fallback writes bytes
without a piece as <0xE4>. In both, a character may be split over tokens, and one token may end a
character and begin the next, which is lost when tokens are decoded to text.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable
from typing import Any

from transformers.convert_slow_tokenizer import bytes_to_unicode

TokenBytes = Callable[[int], bytes | None]
"""Maps a token id to its bytes; None for an id that the tokenizer doesn't have."""

_BYTE_OF = {sign: byte for byte, sign in bytes_to_unicode().items()}
_BYTE_PIECE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_PIECE_DECODERS = {"Replace", "ByteFallback", "Fuse", "Strip", "Metaspace"}


def token_bytes(tokenizer: Any) -> TokenBytes | None:
    """A function from a tokenizer's token ids to bytes; None for an unknown kind of decoder."""
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
    """The symbol for a space; None if the decoder makes other replacements too."""
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
    """Display text for bytes that don't form a character: ⟨E4 B8⟩."""
    return f"⟨{data.hex(' ').upper()}⟩"


class Spelling:
    """Decodes UTF-8 token by token. `pieces` has one entry per token: the characters that begin in
    it, and in brackets its bytes that belong to no character."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self._open = b""  # the first bytes of an incomplete character
        self._owners: list[int] = []  # for each of these bytes, the token it comes from
        self._broken: tuple[int, bytes] = (-1, b"")  # invalid bytes at the end of the last piece

    def push(self, data: bytes) -> None:
        """Add a token's bytes."""
        self._owners += [len(self.pieces)] * len(data)
        self.pieces.append("")
        self._open += data
        self._read(at_end=False)

    def finish(self) -> None:
        """End the input: an incomplete character becomes bytes in brackets."""
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
