"""Forces single tokens into wrong greedy chains: which rescue them, and would random ones?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.decoding import DEFAULT_BATCH_SIZE, Row, decode
from core.entropy import highest_entropy_positions
from core.judging import judge_completions
from core.language_model import LanguageModel
from core.records import Chain, Outcome, Verdict

POSITIONS = 5


@dataclass(frozen=True)
class Tries:
    """One way to choose what is forced, and what came of it."""

    where: str
    tokens: list[int]  # tried, a chain
    rescues: list[int]  # of them, a chain

    @property
    def chains(self) -> int:
        """How many wrong chains there were."""
        return len(self.tokens)


@dataclass(frozen=True)
class _Try:
    chain: int
    position: int
    token_id: int


def rescue_rates(
    lm: LanguageModel, greedy: Sequence[tuple[Chain, Outcome]], tau: float, seed: int
) -> list[Tries]:
    """Rescue rates at high-entropy positions, at those above tau (nats), and at random ones.

    The random control tries as many tokens in every chain as the high-entropy arm does: a random
    position and a random other token of its top 5.
    """
    wrong = [chain for chain, outcome in greedy if outcome.verdict is not Verdict.CORRECT]
    rng = np.random.default_rng(seed)
    highest = [t for c, chain in enumerate(wrong) for t in _at_highest(c, chain)]
    random = [t for c, chain in enumerate(wrong) for t in _at_random(c, chain, rng)]
    right = _which_rescue(lm, wrong, [*highest, *random])
    above = [i for i, t in enumerate(highest) if wrong[t.chain].entropy[t.position] > tau]
    arms = {
        f"the {POSITIONS} highest-entropy positions": range(len(highest)),
        f"of those, entropy above {tau:g} nats": above,
        "random positions, as many tokens": range(len(highest), len(highest) + len(random)),
    }
    tries = [*highest, *random]
    return [
        Tries(
            where,
            [sum(tries[i].chain == c for i in members) for c in range(len(wrong))],
            [sum(tries[i].chain == c and right[i] for i in members) for c in range(len(wrong))],
        )
        for where, members in arms.items()
    ]


def _others(chain: Chain, position: int) -> list[int]:
    """The alternatives at a position without the token that stands there."""
    chosen = chain.token_ids[position]
    return [int(i) for i in chain.statistics.top_ids[position] if i != chosen]


def _at_highest(index: int, chain: Chain) -> list[_Try]:
    return [
        _Try(index, position, token_id)
        for position in highest_entropy_positions(chain.entropy, POSITIONS)
        for token_id in _others(chain, position)
    ]


def _at_random(index: int, chain: Chain, rng: np.random.Generator) -> list[_Try]:
    tries = []
    for _ in range(len(_at_highest(index, chain))):
        position = int(rng.integers(len(chain)))
        tries.append(_Try(index, position, int(rng.choice(_others(chain, position)))))
    return tries


def _which_rescue(lm: LanguageModel, chains: Sequence[Chain], tries: Sequence[_Try]) -> list[bool]:
    rows = [
        Row(
            chains[t.chain].prompt_ids,
            chains[t.chain].token_ids[: t.position],
            {t.position: t.token_id},
        )
        for t in tries
    ]
    sampler = chains[0].sampler
    decoded = decode(lm, rows, sampler, k=1, batch_size=DEFAULT_BATCH_SIZE)
    completions = [
        [*row.completion_ids, *each.token_ids] for row, each in zip(rows, decoded, strict=True)
    ]
    golds = [chains[t.chain].problem.answer for t in tries]
    return [o.verdict is Verdict.CORRECT for o in judge_completions(lm, completions, golds)]
