"""The text of tokens for the screen. Ids are the truth; nothing here is ever tokenised again."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property

from transformers import PreTrainedTokenizerBase
from transformers.convert_slow_tokenizer import bytes_to_unicode

_REPLACEMENT = "\ufffd"
_LONGEST_CHARACTER = 8  # tokens; a UTF-8 character has at most 4 bytes, grapheme parts included


class TokenText:
    """Display text of a tokenizer's tokens."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self.lock = threading.Lock()  # a tokenizer keeps options of one call until the next
        self.size = len(tokenizer)  # ids from here on are padding of the model's vocabulary
        self._alone: dict[int, str] = {}

    def decode(self, ids: Sequence[int]) -> str:
        """Text of consecutive ids, special tokens included."""
        return str(
            self._tokenizer.decode(
                list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False
            )
        )

    def alone(self, token_id: int) -> str:
        """Text of one token as it reads in the middle of a text, its leading space kept.

        Part of a character is shown as its bytes (⟨E4 B8⟩), an id beyond the tokenizer's
        vocabulary as ⟨id⟩.
        """
        if token_id not in self._alone:
            self._alone[token_id] = self._alone_text(token_id)
        return self._alone[token_id]

    def pieces(self, ids: Sequence[int], before: Sequence[int] = ()) -> list[str]:
        """Text of every token of a stretch; joined, they are the stretch's text.

        A character split over tokens is shown once, on the first of them; the others are "".

        Args:
            ids: the T tokens to show.
            before: tokens that stand before them (the prompt), for spacing.
        """
        stream = PieceStream(self, before)
        for token_id in ids:
            stream.push(token_id)
        stream.finish()
        return stream.pieces

    def tokenise(self, typed: str) -> list[int]:
        """Ids of text that a person typed to force it; never used on generated text."""
        with self.lock:
            ids: list[int] = self._tokenizer.encode(
                typed, add_special_tokens=False, split_special_tokens=False
            )
        return ids

    def _alone_text(self, token_id: int) -> str:
        if token_id >= self.size:
            return f"⟨{token_id}⟩"
        text = self.after(self.anchor, [token_id])
        if _REPLACEMENT in text:
            return self._as_bytes(token_id) or text
        return text or str(self._tokenizer.convert_ids_to_tokens(token_id))

    def whole_tail(self, ids: Sequence[int]) -> list[int]:
        """The fewest last ids that are whole characters: they tell how the next token reads."""
        for n in range(1, _LONGEST_CHARACTER + 1):
            if _REPLACEMENT not in self.decode(ids[-n:]):
                return list(ids[-n:])
        return []

    def after(self, before: Sequence[int], ids: Sequence[int]) -> str:
        """Text that `ids` add after `before`."""
        if not before:
            return self.decode(ids)
        prefix = self.decode(before)
        return self.decode([*before, *ids])[len(prefix) :]

    @cached_property
    def anchor(self) -> list[int]:
        """A whole word, so that what follows it keeps its leading space."""
        ids: list[int] = self._tokenizer.encode("a", add_special_tokens=False)
        return ids[-1:]

    def _as_bytes(self, token_id: int) -> str | None:
        token = str(self._tokenizer.convert_ids_to_tokens(token_id))
        if token.startswith("<0x") and token.endswith(">"):
            return f"⟨{token[3:-1]}⟩"
        to_byte = {char: byte for byte, char in bytes_to_unicode().items()}
        if all(char in to_byte for char in token):
            return "⟨" + " ".join(f"{to_byte[char]:02X}" for char in token) + "⟩"
        return None


class PieceStream:
    """Display pieces of a chain while it grows; `pieces` always has one entry a token."""

    def __init__(self, text: TokenText, before: Sequence[int] = ()) -> None:
        self._text = text
        self._before = text.whole_tail(before)
        self._open: list[int] = []  # tokens of a character that is not whole yet
        self.pieces: list[str] = []

    def push(self, token_id: int) -> None:
        """Add one token."""
        self._open.append(token_id)
        self.pieces.append("")
        self._close(at_end=False)

    def finish(self) -> None:
        """No more tokens: what is still no whole character is shown as it is."""
        self._close(at_end=True)

    def _close(self, at_end: bool) -> None:
        while self._open:
            text = self._text.after(self._before, self._open)
            first = len(self.pieces) - len(self._open)
            waits = text.endswith(_REPLACEMENT) and len(self._open) < _LONGEST_CHARACTER
            if _REPLACEMENT not in text:
                beyond = self._open[0] >= self._text.size
                self.pieces[first] = self._text.alone(self._open[0]) if beyond else text
                self._before = self._open
                self._open = []
            elif waits and not at_end:
                return
            else:  # the first of them began a character that never came
                self.pieces[first] = self._text.alone(self._open[0])
                self._before = self._text.anchor
                self._open = self._open[1:]
