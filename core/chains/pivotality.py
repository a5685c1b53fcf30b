"""Pivotality: how much the choice of one token decides whether the chain ends correct.

Entropy shows how uncertain the model was, not whether the choice mattered. Pivotality measures
that: sample continuations after each alternative and count the correct ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from statsmodels.stats.multitest import multipletests

from core.answers.groups import AnswerGroups
from core.chains.generation import Fork, check_position, fork
from core.chains.judging import judge
from core.decoding.sampling import chain_seed
from core.errors import PositionError, ProblemError, SamplerError
from core.records import Chain, Outcome, Sampler, StopReason, Verdict
from core.statistics import Estimate, homogeneity, share

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

_LARGE = 1 / 3  # difference of two shares that a measurement should be able to rule out


@dataclass(frozen=True)
class SampledEnding:
    """One sampled continuation of one alternative."""

    index: int  # among all continuations of the measurement
    position: int
    token_id: int
    outcome: Outcome
    length: int  # tokens of the whole chain


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

    @property
    def undecided(self) -> str:
        """In words, what was found at a position that is not among the `decisive` ones: whether
        the samples rule out a large difference by their 95 % intervals."""
        shares = [each.p_correct for each in self.alternatives]
        left_open = max(each.high for each in shares) - min(each.low for each in shares)
        if left_open > _LARGE:
            return "Too few samples to tell the alternatives apart"
        return "No measurable difference between the alternatives"

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
    on_ending: Callable[[SampledEnding], None] | None = None,
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
        on_ending: called with every continuation when it is complete. Short ones come first, so
            the shares so far are not those of all samples.
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
    outcomes: dict[int, Outcome] = {}

    def on_chain(index: int, made: Chain) -> None:
        if made.stop_reason is StopReason.CANCELLED:
            return
        (outcomes[index],) = judge(lm, [made])
        if on_ending is not None:
            place = places[index // samples]
            on_ending(SampledEnding(index, *place, outcomes[index], len(made)))

    fork(
        lm,
        chain,
        [Fork(*place) for place in places for _ in range(samples)],
        sampler=sampler,
        seeds=[
            chain_seed(chain.seed, f"{chain.problem.id}@{position}:{token_id}", sample)
            for position, token_id in places
            for sample in range(samples)
        ],
        on_chain=on_chain,
        cancel=cancel,
    )
    if len(outcomes) < len(places) * samples:
        return None
    found: dict[int, list[AlternativeOutcomes]] = {}
    for i, (position, token_id) in enumerate(places):
        made = [outcomes[i * samples + sample] for sample in range(samples)]
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
    return AlternativeOutcomes(
        token_id=token_id,
        rank=column + 1,
        probability=float(np.exp(chain.statistics.top_logprobs[position, column])),
        samples=len(outcomes),
        correct=sum(each.verdict is Verdict.CORRECT for each in outcomes),
        answers=_grouped(each.answer or "" for each in outcomes),
    )


def _grouped(answers: Iterable[str]) -> tuple[tuple[str, int], ...]:
    """Answers with their counts, most frequent first. Those that the checker finds equal, such as
    "4" and "4.", are one, under the spelling that is most frequent."""
    counts: Counter[str] = Counter()
    groups = AnswerGroups()
    names: dict[int, str] = {}
    for answer, count in Counter(answers).most_common():
        group = groups.add(answer)
        counts[answer if group is None else names.setdefault(group, answer)] += count
    return tuple(counts.most_common())
