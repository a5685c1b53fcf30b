"""The thinking part of a chain: what stands before </think> is no answer yet.

Models that think aloud put it between two marks. Most have each mark as one token; then only that
token counts, and the same signs spelled out by others are text like any other. The prompt's own
template may have opened the thinking already.
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
_TAIL = 32  # tokens at a prompt's end, in which an opening mark that is not one token is looked for


def thinking_length(
    text: TokenText, prompt_ids: Sequence[int], token_ids: Sequence[int]
) -> int | None:
    """How many tokens at the start of a completion are its thinking part, the marks included.

    A closing mark ends it, whether or not an opening one was seen: the prompt may not be known.

    Args:
        text: of the tokenizer.
        prompt_ids: may be empty where they are not known.
        token_ids: the T tokens of the completion.

    Returns:
        From 1 to T; T also when the thinking never ends. None: the completion does not think.
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
    """The number of tokens up to the closing mark; one that ends the mark and begins the answer is
    the answer's."""
    end = "".join(pieces).index(closing) + len(closing)
    for i, place in enumerate(accumulate(map(len, pieces))):
        if place >= end:
            beyond = pieces[i][len(pieces[i]) - (place - end) :] if place > end else ""
            return i if beyond.strip() else i + 1
    return len(pieces)


@dataclass(frozen=True)
class Section:
    """A stretch of a chain: token positions from `start` to before `end`."""

    name: Literal["thinking", "answer"]
    start: int
    end: int
    mean_entropy: float | None  # nats; None where it has no tokens
    forks: int  # tokens above tau

    def __len__(self) -> int:
        return self.end - self.start


def sections(chain: Chain, tau: float) -> tuple[Section, ...]:
    """The thinking part and the answer; nothing for a chain that does not think.

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
        section("answer", chain.thinking, len(chain)),
    )
