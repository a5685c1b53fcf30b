"""Display text of tokens. Token ids are the truth; display text is never tokenised again."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property

from transformers import PreTrainedTokenizerBase

from core.tokens.token_bytes import Spelling, as_brackets, token_bytes

_REPLACEMENT = "\ufffd"
LONGEST_CHARACTER = 8  # tokens; a UTF-8 character has at most 4 bytes


class TokenText:
    """Display text of a tokenizer's tokens."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self.lock = threading.Lock()  # tokenizers keep state between calls
        self._size = len(tokenizer)
        self._bytes = token_bytes(tokenizer)
        self._alone: dict[int, str] = {}
        self._named: dict[str, int | None] = {}

    def decode(self, ids: Sequence[int]) -> str:
        """Text of consecutive ids, special tokens included."""
        return str(
            self._tokenizer.decode(
                list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False
            )
        )

    def display(self, token_id: int) -> str:
        """Text of one token in the middle of a text, including its leading space.

        Part of a character is shown as bytes (⟨E4 B8⟩), an id beyond the tokenizer's vocabulary
        as ⟨id⟩.
        """
        if token_id not in self._alone:
            self._alone[token_id] = self._alone_text(token_id)
        return self._alone[token_id]

    def pieces(self, ids: Sequence[int], before: Sequence[int] = ()) -> list[str]:
        """Text of each of T consecutive tokens; joined, the text of all of them.

        A character split over tokens is assigned to the first of them; a token in which no
        character begins is "". Bytes that don't form a character are shown in brackets (⟨E4 B8⟩).

        Args:
            ids: the T tokens.
            before: the tokens before them (the prompt), which affect spacing.
        """
        stream = PieceStream(self, before)
        for token_id in ids:
            stream.push(token_id)
        stream.finish()
        return stream.pieces

    def tokenise(self, typed: str) -> list[int]:
        """Token ids of text typed by the user; never used on generated text."""
        with self.lock:
            ids: list[int] = self._tokenizer.encode(
                typed, add_special_tokens=False, split_special_tokens=False
            )
        return ids

    def token(self, name: str) -> int | None:
        """The id of the token with this name in the vocabulary; None if there is none."""
        if name not in self._named:
            found = self._tokenizer.convert_tokens_to_ids(name)  # the unknown token's if absent
            known = isinstance(found, int) and self._tokenizer.convert_ids_to_tokens(found) == name
            self._named[name] = found if known else None
        return self._named[name]

    @property
    def spells(self) -> bool:
        """Whether the bytes of tokens are known."""
        return self._bytes is not None

    def spelled(self, token_id: int, *, first: bool) -> bytes:
        """Bytes of a token.

        Args:
            first: whether the token begins a text, where many tokenizers drop a leading space.
        """
        assert self._bytes is not None
        data = self._bytes(token_id)
        if data is None:
            return f"⟨{token_id}⟩".encode()
        if first and data.startswith(b" "):
            left = _leading_spaces(self.decode([token_id]).encode())
            data = data[_leading_spaces(data) - left :]
        return data

    def exists(self, token_id: int) -> bool:
        """Whether the tokenizer has this id; False for padding of the model's vocabulary."""
        if self._bytes is None:
            return token_id < self._size
        return self._bytes(token_id) is not None

    def after(self, before: Sequence[int], ids: Sequence[int]) -> str:
        """Text that `ids` add after `before`."""
        if not before:
            return self.decode(ids)
        prefix = self.decode(before)
        return self.decode([*before, *ids])[len(prefix) :]

    @cached_property
    def anchor(self) -> list[int]:
        """Token ids of a word; text decoded after it keeps its leading space."""
        ids: list[int] = self._tokenizer.encode("a", add_special_tokens=False)
        return ids[-1:]

    def _alone_text(self, token_id: int) -> str:
        if not self.exists(token_id):
            return f"⟨{token_id}⟩"
        if self._bytes is None:
            text = self.after(self.anchor, [token_id])
        else:
            data = self.spelled(token_id, first=False)
            try:
                text = data.decode()
            except UnicodeDecodeError:
                return as_brackets(data)
        return text or str(self._tokenizer.convert_ids_to_tokens(token_id))


def _leading_spaces(data: bytes) -> int:
    return len(data) - len(data.lstrip(b" "))


class PieceStream:
    """Display text of a chain while it grows; `pieces` always has one entry per token."""

    def __init__(self, text: TokenText, before: Sequence[int] = ()) -> None:
        self._text = text
        self._first = not before
        self._stream = Spelling() if text.spells else _DecodedPieces(text, before)

    @property
    def pieces(self) -> list[str]:
        """One per token so far. An incomplete character is left out until it is complete."""
        return self._stream.pieces

    @property
    def unfinished(self) -> str:
        """What the tokens of an incomplete character say before it, for a tokenizer whose bytes
        are unknown: not in `pieces` yet."""
        return "" if isinstance(self._stream, Spelling) else self._stream.unfinished

    def push(self, token_id: int) -> None:
        """Add one token."""
        if isinstance(self._stream, Spelling):
            self._stream.push(self._text.spelled(token_id, first=self._first))
        else:
            self._stream.push(token_id)
        self._first = False

    def finish(self) -> None:
        """End the input: an incomplete character is shown as bytes."""
        self._stream.finish()


class _DecodedPieces:
    """Pieces for a tokenizer whose bytes are unknown: a character is complete once the decoded
    text has no replacement character (U+FFFD)."""

    def __init__(self, text: TokenText, before: Sequence[int]) -> None:
        self._text = text
        self._before = self._whole_tail(before)
        self._open: list[int] = []  # tokens of an incomplete character
        self.pieces: list[str] = []

    def push(self, token_id: int) -> None:
        self._open.append(token_id)
        self.pieces.append("")
        self._close(at_end=False)

    def finish(self) -> None:
        self._close(at_end=True)

    @property
    def unfinished(self) -> str:
        return self._text.after(self._before, self._open).rstrip(_REPLACEMENT) if self._open else ""

    def _whole_tail(self, ids: Sequence[int]) -> list[int]:
        """The shortest tail of complete characters, as context for decoding the next token."""
        for n in range(1, LONGEST_CHARACTER + 1):
            if _REPLACEMENT not in self._text.decode(ids[-n:]):
                return list(ids[-n:])
        return []

    def _close(self, at_end: bool) -> None:
        while self._open:
            text = self._text.after(self._before, self._open)
            first = len(self.pieces) - len(self._open)
            waits = text.endswith(_REPLACEMENT) and len(self._open) < LONGEST_CHARACTER
            if _REPLACEMENT not in text:
                beyond = not self._text.exists(self._open[0])
                self.pieces[first] = self._text.display(self._open[0]) if beyond else text
                self._before = self._open
                self._open = []
            elif waits and not at_end:
                return
            else:  # the first token began a character that was never completed
                self.pieces[first] = self._text.display(self._open[0])
                self._before = self._text.anchor
                self._open = self._open[1:]
