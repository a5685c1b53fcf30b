"""Align two chains after their fork: what differs, and what both say again.

On tokens; no text is tokenised again.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Literal

from core.records import Chain


@dataclass(frozen=True)
class Segment:
    """A stretch of two chains: tokens start .. stop-1 of each.

    Attributes:
        kind: "shared" before the fork; "same": tokens that both say again after it; "differs":
            tokens of one, or of both, that the other doesn't have there.
    """

    kind: Literal["shared", "same", "differs"]
    a: tuple[int, int]
    b: tuple[int, int]


@dataclass(frozen=True)
class Alignment:
    """All tokens of two chains in segments, in order. No two neighbours are of one kind."""

    segments: tuple[Segment, ...]

    @property
    def differences(self) -> tuple[Segment, ...]:
        """The segments that differ."""
        return tuple(each for each in self.segments if each.kind == "differs")

    @property
    def same_after(self) -> int:
        """Number of tokens that both say again after the fork."""
        return sum(each.a[1] - each.a[0] for each in self.segments if each.kind == "same")


def align(a: Sequence[Hashable], b: Sequence[Hashable]) -> Alignment:
    """Align two sequences of token ids, or of texts of tokens.

    Behind what both begin with, the longest run of equal tokens is matched first, then the longest
    on either side of it, and so on (difflib, after Ratcliff and Obershelp).
    """
    fork = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), None)
    if fork is None:
        fork = min(len(a), len(b))
    segments = [Segment("shared", (0, fork), (0, fork))] if fork else []
    # autojunk would leave out frequent tokens in chains of 200 and more.
    matcher = SequenceMatcher(None, a[fork:], b[fork:], autojunk=False)
    for tag, i, j, k, m in matcher.get_opcodes():
        kind: Literal["same", "differs"] = "same" if tag == "equal" else "differs"
        segments.append(Segment(kind, (fork + i, fork + j), (fork + k, fork + m)))
    return Alignment(tuple(segments))


def align_chains(a: Chain, b: Chain) -> Alignment:
    """Align two chains up to the end of their answers; what runs on after one is left out.

    Chains of two models are aligned by their tokens' texts: an id may mean another text there.
    """
    one_model = a.model == b.model
    first, second = ((each.token_ids if one_model else each.tokens) for each in (a, b))
    return _align(first[: a.answer_length], second[: b.answer_length])


@lru_cache(maxsize=16)
def _align(a: tuple[Hashable, ...], b: tuple[Hashable, ...]) -> Alignment:
    # A page asks at every redraw, and chains that repeat themselves take seconds.
    return align(a, b)
