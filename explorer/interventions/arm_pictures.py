"""A small picture of every arm: nine tokens of a chain, and which of them it replaces with what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Mark = Literal["same", "teacher", "random", "tried"]

TOKENS = 9
FORKS = frozenset({1, 4, 7})
"""Where the base is uncertain, in every picture; the teacher disagrees at 2, 4 and 7."""

_SIZE, _GAP, _TOP = 11, 3, 3
_WIDTH, _HEIGHT = TOKENS * (_SIZE + _GAP), 20


@dataclass(frozen=True)
class Picture:
    """Which tokens an arm replaces, and by what."""

    places: frozenset[int]
    mark: Mark = "teacher"
    words: str = ""  # the same, for people who can't see it


def _at(mark: Mark, words: str, *places: int) -> Picture:
    return Picture(frozenset(places), mark, words)


_NOTHING = Picture(frozenset(), words="no token is replaced")
_PICTURES = {
    "base": _NOTHING,
    "no_op": _at("same", "the three forks get the same tokens again", *FORKS),
    "base_only": _at("tried", "other tokens are tried at the three forks", *FORKS),
    "oracle": _at("teacher", "the teacher's tokens wherever it disagrees", 2, 4, 7),
    "entropy_gated": _at("teacher", "the teacher's tokens at the three forks", *FORKS),
    "complement": _at("teacher", "the teacher's token outside forks", 2),
    "top5_oracle": _at("teacher", "the teacher's tokens at two of three places", 2, 4),
    "first_k_oracle": _at("teacher", "the teacher's tokens at the first two places", 2, 4),
    "teacher": _at("teacher", "all tokens are the teacher's", *range(TOKENS)),
    "divergence_gated": _at("teacher", "the teacher's tokens where the models are apart", 2, 4),
    "random_teacher": _at("teacher", "the teacher's tokens at two random positions", 0, 6),
    "backward": _at("same", "in the teacher's chain, the base's tokens at two places", 2, 4),
    "backward_random": _at("random", "in the teacher's chain, random tokens at two places", 1, 7),
    "random_substitution": _at("random", "random tokens wherever it disagrees", 2, 4, 7),
    "random_substitution_matched": _at("random", "as many random tokens", 2, 4, 7),
    "random_position": _at("random", "random tokens at three random positions", 0, 5, 8),
    "base_only_control": _at("tried", "other tokens are tried at random positions", 0, 3, 6),
}


def arm_picture(key: str) -> str:
    """Inline SVG of an arm; a plain chain for an arm that has no picture."""
    picture = _PICTURES.get(key, _NOTHING)
    words = picture.words if key in _PICTURES else "a chain of tokens"
    tokens = "".join(_token(place, picture) for place in range(TOKENS))
    return (
        f'<svg class="arm-picture" role="img" aria-label="{words}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}">{tokens}</svg>'
    )


def _token(place: int, picture: Picture) -> str:
    left = place * (_SIZE + _GAP) + 1
    middle = left + _SIZE / 2
    mark = picture.mark if place in picture.places else "own"
    drawn = (
        f'<rect class="arm-{mark}" x="{left}" y="{_TOP}" width="{_SIZE}" height="{_SIZE}" rx="2"/>'
    )
    if mark in ("random", "tried"):  # a sign, so that colour is never the only cue
        sign = "?" if mark == "random" else "±"
        drawn += f'<text class="arm-sign" x="{middle}" y="{_TOP + 9}">{sign}</text>'
    if mark == "same":
        drawn += f'<text class="arm-sign" x="{middle}" y="{_TOP + 9}">=</text>'
    if place in FORKS:
        drawn += (
            f'<line class="arm-fork" x1="{left}" x2="{left + _SIZE}" y1="{_HEIGHT - 2}" '
            f'y2="{_HEIGHT - 2}"/>'
        )
    return drawn
