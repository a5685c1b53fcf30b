"""Pivotality: how much the choice of one token decides whether the chain ends correct.

Entropy shows how uncertain the model was, not whether the choice mattered. Pivotality measures
that: sample continuations after each alternative and count the correct ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from statsmodels.stats.multitest import multipletests

from core.chains.generation import Fork, check_position, fork
from core.chains.judging import judge
from core.decoding.sampling import chain_seed
from core.errors import PositionError, ProblemError, SamplerError
from core.records import Chain, Outcome, Sampler, Verdict
from core.statistics import Estimate, homogeneity, share

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel


@dataclass(frozen=True)
class AlternativeOutcomes:
    """The outcomes of the continuations sampled after one alternative."""

    token_id: int
    rank: int  # 1 = most probable
    probability: float  # at temperature 1
    samples: int
    correct: int
    answers: tuple[tuple[str, int], ...]  # with counts, most frequent first; "" for no answer

    @property
    def p_correct(self) -> Estimate:
        """P(correct | alternative) with its Wilson interval."""
        return share(self.correct, self.samples)


@dataclass(frozen=True)
class Pivotality:
    """The alternatives of one position, compared by their outcomes."""

    position: int
    sampler: Sampler
    seed: int
    alternatives: tuple[AlternativeOutcomes, ...]

    @property
    def share_decided(self) -> float:
        """Share of the variance in correctness that this token explains, 0 to 1.

        The correlation ratio Var(P(correct | alternative)) / Var(correct), with alternatives
        weighted by their probability, corrected for the sampling noise of few continuations. A
        mere choice of words has 0 however uncertain the model is; a token that settles the answer
        has 1.
        """
        weights = np.array([each.probability for each in self.alternatives])
        weights /= weights.sum()
        shares = np.array([each.p_correct.value for each in self.alternatives])
        trials = np.array([each.samples for each in self.alternatives])
        mean = float(weights @ shares)
        noise = weights * (1 - weights) * shares * (1 - shares) / np.maximum(trials - 1, 1)
        between = float(weights @ (shares - mean) ** 2 - noise.sum())
        variance = mean * (1 - mean)
        return min(max(between / variance, 0.0), 1.0) if variance > 0 else 0.0

    @cached_property
    def p_value(self) -> float:
        """Chance of differences like these if all alternatives were equally often correct."""
        right = [each.correct for each in self.alternatives]
        return homogeneity(right, [each.samples for each in self.alternatives], self.seed)


def decisive(measured: Collection[Pivotality]) -> frozenset[int]:
    """Positions whose alternatives differ significantly, at 5 % over all positions together
    (Holm's correction)."""
    if not measured:
        return frozenset()
    rejected, *_ = multipletests([each.p_value for each in measured], alpha=0.05, method="holm")
    return frozenset(each.position for each, sure in zip(measured, rejected, strict=True) if sure)


def measure_pivotality(
    lm: LanguageModel,
    chain: Chain,
    positions: Sequence[int],
    *,
    samples: int = 16,
    sampler: Sampler | None = None,
    alternatives: int = 5,
    on_ending: Callable[[], None] = lambda: None,
    cancel: Callable[[], bool] = lambda: False,
) -> list[Pivotality] | None:
    """Sample continuations of every alternative at the given positions, as one batch.

    Args:
        chain: whose prefixes are continued.
        positions: where to measure.
        samples: continuations per alternative.
        sampler: of the continuations, with temperature above 0. None: the chain's own, at
            temperature 1 if that is greedy.
        alternatives: number of most probable tokens to compare.
        on_ending: called whenever a continuation is complete.
        cancel: polled between tokens.

    Returns:
        One result per position, or None when cancelled.

    Raises:
        ProblemError: no gold answer.
        SamplerError: a greedy sampler, whose continuations would all be equal.
        PositionError, ModelError, PromptError, ResourceError: as `fork`.
    """
    if chain.problem.answer is None:
        raise ProblemError(
            "Pivotality counts correct answers, but this problem has no gold answer.",
            "Enter the correct answer beside the question, and generate again.",
        )
    if samples < 1 or not positions:
        raise PositionError("There is nothing to measure.", "Ask for a position and a sample.")
    sampler = sampler or _drawing(chain.sampler)
    if sampler.greedy:
        raise SamplerError(
            "Greedy continuations are all alike.", "Set a temperature above 0 to sample."
        )
    for position in positions:
        check_position(chain, position)
    places = [
        (position, int(token_id))
        for position in positions
        for token_id in chain.statistics.top_ids[position, :alternatives]
    ]
    chains = fork(
        lm,
        chain,
        [Fork(*place) for place in places for _ in range(samples)],
        sampler=sampler,
        seeds=[
            chain_seed(chain.seed, f"{chain.problem.id}@{position}:{token_id}", sample)
            for position, token_id in places
            for sample in range(samples)
        ],
        on_chain=lambda *_: on_ending(),
        cancel=cancel,
    )
    if cancel():
        return None
    outcomes = judge(lm, chains)
    found: dict[int, list[AlternativeOutcomes]] = {}
    for i, (position, token_id) in enumerate(places):
        made = outcomes[i * samples : (i + 1) * samples]
        found.setdefault(position, []).append(_alternative(chain, position, token_id, made))
    return [
        Pivotality(position, sampler, chain.seed, tuple(each)) for position, each in found.items()
    ]


def _drawing(sampler: Sampler) -> Sampler:
    if not sampler.greedy:
        return sampler
    return replace(sampler, temperature=1.0)


def _alternative(
    chain: Chain, position: int, token_id: int, outcomes: Sequence[Outcome]
) -> AlternativeOutcomes:
    column = chain.statistics.top_ids[position].tolist().index(token_id)
    answers = Counter(each.answer or "" for each in outcomes)
    return AlternativeOutcomes(
        token_id=token_id,
        rank=column + 1,
        probability=float(np.exp(chain.statistics.top_logprobs[position, column])),
        samples=len(outcomes),
        correct=sum(each.verdict is Verdict.CORRECT for each in outcomes),
        answers=tuple(answers.most_common()),
    )
