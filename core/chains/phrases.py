"""Typed text as tokens to force: its readings, with how probable the model finds them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.chains.generation import look_up
from core.records import Chain

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel


@dataclass(frozen=True)
class Phrase:
    """Tokens that typed text may stand for."""

    token_ids: tuple[int, ...]
    tokens: tuple[str, ...]  # display text


@dataclass(frozen=True)
class PhraseOdds:
    """How probable the model finds a phrase at a position of a chain."""

    logprob: float  # nats, of all its tokens
    ranks: tuple[int, ...]  # of each token after those before it, 1 = most probable

    @property
    def probability(self) -> float:
        """Of the whole phrase, at temperature 1."""
        return math.exp(self.logprob)


def readings(lm: LanguageModel, typed: str) -> list[Phrase]:
    """The tokens that a person's text may stand for: with and without a leading space, which in
    most vocabularies makes other tokens; the shorter reading first.

    The text is tokenised once, here, and never the tokens of a chain. Empty for text without
    tokens.
    """
    found: dict[tuple[int, ...], Phrase] = {}
    for text in (f" {typed.lstrip()}", typed) if typed else ():
        ids = tuple(lm.text.tokenise(text))
        if ids:
            found.setdefault(ids, Phrase(ids, tuple(map(lm.text.display, ids))))
    return sorted(found.values(), key=lambda each: len(each.token_ids))


def odds(
    lm: LanguageModel, chain: Chain, position: int, phrase: Phrase, patience: float = math.inf
) -> PhraseOdds:
    """How probable a phrase is at a position of a chain.

    Args:
        patience: seconds to wait for the model.

    Raises:
        PositionError, ResourceError: as `look_up`.
    """
    statistics = look_up(lm, chain, position, phrase.token_ids, patience)
    return PhraseOdds(float(statistics.logprob.sum()), tuple(statistics.rank.tolist()))
