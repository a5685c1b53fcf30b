"""The thinking part of a chain: tokens up to </think>, which are not part of the answer.

Reasoning models enclose their thinking in two marks. If a mark is a single token of the vocabulary,
only that token counts; the same characters spelled by other tokens are ordinary text. The chat
template may have opened the thinking part in the prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from core.entropy import threshold_gate
from core.records import Chain
from core.tokens.token_text import TokenText

MARKS = (
    ("<think>", "</think>"),  # DeepSeek-R1, Qwen3, QwQ and most others
    ("[THINK]", "[/THINK]"),  # Magistral
    ("<seed:think>", "</seed:think>"),  # Seed-OSS
)
_TAIL = 32  # last tokens of a prompt, searched for an opening mark that is not a single token


def thinking_length(
    text: TokenText, prompt_ids: Sequence[int], token_ids: Sequence[int]
) -> int | None:
    """Length in tokens of a completion's thinking part, including the marks.

    A closing mark ends it even without an opening one, since the prompt may be unknown.

    Args:
        text: of the tokenizer.
        prompt_ids: may be empty if unknown.
        token_ids: the T tokens of the completion.

    Returns:
        From 1 to T; T also when the thinking never ends. None: no thinking part.
    """
    whole = text.decode(token_ids)
    for opening, closing in MARKS:
        ids = text.token(opening), text.token(closing)
        if ids[0] is not None and ids[1] is not None:
            length = _by_ids(text, prompt_ids, token_ids, ids[0], ids[1])
        else:
            length = _by_text(text, prompt_ids, token_ids, whole, opening, closing)
        if length:
            return length
    return None


def _by_ids(
    text: TokenText, prompt_ids: Sequence[int], token_ids: Sequence[int], opening: int, closing: int
) -> int | None:
    if closing in token_ids:
        return list(token_ids).index(closing) + 1
    if opening in token_ids:
        before = token_ids[: list(token_ids).index(opening)]
        return None if text.decode(before).strip() else len(token_ids)
    if opening not in prompt_ids:
        return None
    since = prompt_ids[len(prompt_ids) - list(reversed(prompt_ids)).index(opening) :]
    return None if text.decode(since).strip() else len(token_ids)


def _by_text(
    text: TokenText,
    prompt_ids: Sequence[int],
    token_ids: Sequence[int],
    whole: str,
    opening: str,
    closing: str,
) -> int | None:
    if closing in whole:
        return _through(text.pieces(token_ids, prompt_ids), closing)
    asked = text.decode(prompt_ids[-_TAIL:]).rstrip()
    opened = whole.lstrip().startswith(opening) or asked.endswith(opening)
    return len(token_ids) if opened else None


def _through(pieces: Sequence[str], closing: str) -> int:
    """The number of tokens up to the closing mark; a token that also begins the answer is not
    counted."""
    end = "".join(pieces).index(closing) + len(closing)
    for i, place in enumerate(accumulate(map(len, pieces))):
        if place >= end:
            beyond = pieces[i][len(pieces[i]) - (place - end) :] if place > end else ""
            return i if beyond.strip() else i + 1
    return len(pieces)


@dataclass(frozen=True)
class Section:
    """A part of a chain: token positions start .. end-1."""

    name: Literal["thinking", "answer"]
    start: int
    end: int
    mean_entropy: float | None  # nats; None without tokens
    forks: int  # tokens above tau

    def __len__(self) -> int:
        return self.end - self.start


def sections(chain: Chain, tau: float) -> tuple[Section, ...]:
    """The thinking part and the answer; empty for a chain without thinking part.

    Args:
        tau: nats, above which a token is a fork.
    """
    if chain.thinking is None:
        return ()
    gate = threshold_gate(chain.entropy, tau)

    def section(name: Literal["thinking", "answer"], start: int, end: int) -> Section:
        entropy = chain.entropy[start:end]
        mean = float(entropy.mean()) if len(entropy) else None
        return Section(name, start, end, mean, int(gate[start:end].sum()))

    return (
        section("thinking", 0, chain.thinking),
        section("answer", chain.thinking, chain.answer_length),
    )
