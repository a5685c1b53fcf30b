"""Stop strings: text that ends a completion, found in its token ids as they come.

A base model that has answered writes the next question itself. A stop string such as "\\nQuestion:"
ends the completion there. It may be spread over tokens, stand inside one, or cut a character's
bytes: what is searched is the bytes that the tokens stand for. The ids stay as they were drawn, the
token that completes the stop string included.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from core.tokens.token_text import LONGEST_CHARACTER, PieceStream, TokenText


class StopMatcher:
    """Searches one growing completion for stop strings.

    Args:
        text: of the tokenizer.
        stops: non-empty strings.
        prompt_ids: what stands before the completion; a stop string never begins in it.
        kept_ids: the completion's tokens so far. A stop string that is whole in them is passed
            over, one that begins in them may still be completed.
    """

    def __init__(
        self,
        text: TokenText,
        stops: Sequence[str],
        prompt_ids: Sequence[int] = (),
        kept_ids: Sequence[int] = (),
    ) -> None:
        self._text = text
        self._first = not prompt_ids
        self._pieces = None if text.spells else PieceStream(text, prompt_ids)
        self._stops = [stop.encode() for stop in stops]
        self._kept = max(map(len, self._stops), default=1) - 1
        self._tail = b""  # the last bytes of the completion, too few for a whole stop string
        for token_id in kept_ids:
            self.push(token_id)

    def push(self, token_id: int) -> bool:
        """Add a token; True when it completes a stop string."""
        data = self._tail + self._added(token_id)
        known = len(self._tail)
        self._tail = data[max(0, len(data) - self._kept) :]
        return any(data.find(stop, max(0, known - len(stop) + 1)) >= 0 for stop in self._stops)

    def _added(self, token_id: int) -> bytes:
        """The bytes by which the completion's text grows with this token."""
        if self._pieces is None:
            data = self._text.spelled(token_id, first=self._first)
            self._first = False
            return data
        pieces = self._pieces.pieces
        start = max(0, len(pieces) - LONGEST_CHARACTER)  # a whole character may end pieces back
        known = len("".join(pieces[start:]) + self._pieces.unfinished)
        self._pieces.push(token_id)
        return ("".join(pieces[start:]) + self._pieces.unfinished)[known:].encode()


def run_on(pieces: Sequence[str], stops: Sequence[str]) -> int | None:
    """The first token of what follows a completion's answer: where the first stop string begins.

    A token that ends the answer and begins the stop string is the answer's; one that has only white
    space of the answer belongs to what follows.

    Args:
        pieces: (T,) display text of the tokens; joined, they are the completion's text.
        stops: what introduces the next problem.

    Returns:
        A position from 0 to T - 1; None where nothing follows the answer.
    """
    whole = "".join(pieces)
    found = [place for stop in stops if (place := whole.find(stop)) >= 0]
    if not found:
        return None
    begin = min(found)
    ends = list(accumulate(map(len, pieces)))
    position = bisect_right(ends, begin)
    start = ends[position] - len(pieces[position])
    if whole[start:begin].strip():
        position += 1
    return position if position < len(pieces) else None
