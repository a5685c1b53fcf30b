"""Sums of a run's words, taken problem by problem: memory grows with the words that are used, never
with the number of chains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan, sqrt

import numpy as np
import scipy  # imports scipy.special when it is first used
from numpy.typing import NDArray

from core.statistics import Estimate, share

UNCHANGED = -1
"""In place of a replacement: the teacher prefers the same token."""

_N, _NATS, _ABOVE, _CHANGED = range(4)


@dataclass(eq=False)
class WordSums:
    """What is known of a word: sums over the problems that it occurs in.

    Of each problem there are four amounts: occurrences, nats, tokens above tau, changed tokens.
    """

    problems: int
    amounts: NDArray[np.float64]  # (4,)
    products: NDArray[np.float64]  # (4,) of each amount and the occurrences
    squares: NDArray[np.float64]  # (4,)

    @property
    def count(self) -> int:
        """How often the word occurs."""
        return int(self.amounts[_N])

    @property
    def nats(self) -> float:
        """The sum of the entropies that it was drawn at."""
        return float(self.amounts[_NATS])

    @property
    def changed_count(self) -> int:
        """How often the teacher prefers another token."""
        return int(self.amounts[_CHANGED])

    @property
    def entropy(self) -> Estimate:
        """The mean entropy, nats."""
        found = self._mean(_NATS)
        return found if isnan(found.low) else Estimate(
            found.value, max(found.low, 0.0), found.high, found.n
        )  # fmt: skip

    @property
    def above(self) -> Estimate:
        """The share of its occurrences above tau."""
        return self._share(_ABOVE)

    @property
    def changed(self) -> Estimate:
        """The share of its occurrences that the teacher changes."""
        return self._share(_CHANGED)

    def _mean(self, of: int) -> Estimate:
        """An amount for each occurrence. The interval is that of a ratio of sums over problems,
        linearised (delta method), with Student's t; NaN for fewer than two problems."""
        n, k = self.amounts[_N], self.problems
        value = float(self.amounts[of] / n)
        if k < 2:
            return Estimate(value, nan, nan, k)
        products, squares = self.products[of], self.squares[of]
        rest = squares - 2 * value * products + value * value * self.products[_N]
        error = sqrt(k / (k - 1) * max(float(rest), 0.0)) / float(n)
        half = float(scipy.special.stdtrit(k - 1, 0.975)) * error
        return Estimate(value, value - half, value + half, k)

    def _share(self, of: int) -> Estimate:
        found, part = self._mean(of), self.amounts[of]
        if part in (0, self.amounts[_N]):  # all alike: Wilson's interval for as many problems
            return share(self.problems if part else 0, self.problems)
        if isnan(found.low):
            return Estimate(found.value, 0.0, 1.0, found.n)
        return Estimate(found.value, max(found.low, 0.0), min(found.high, 1.0), found.n)


class WordTally:
    """Sums of every word of a run.

    Args:
        tau: nats; above it a token is a fork.
    """

    def __init__(self, tau: float) -> None:
        self.tau = tau
        self.problems = 0
        self.words: dict[int, WordSums] = {}  # by token id
        self.replacements: dict[int, Counter[int]] = {}  # token ids of the teacher, by token id

    def add(
        self,
        token_ids: Sequence[int],
        entropy: Sequence[float],
        replacements: Sequence[int] | None = None,
    ) -> None:
        """Count the T tokens of all chains of one problem. Tokens of one problem are not
        independent of each other.

        Args:
            token_ids: (T,) the words.
            entropy: (T,) nats, of the distribution at each.
            replacements: (T,) the teacher's token ids, `UNCHANGED` where it agrees.

        Raises:
            ValueError: the lengths differ.
        """
        ids = np.asarray(token_ids, np.int64)
        nats = np.asarray(entropy, np.float64)
        theirs = np.full(len(ids), UNCHANGED) if replacements is None else np.array(replacements)
        if not len(ids) == len(nats) == len(theirs):
            raise ValueError("words, entropies and replacements differ in length")
        self.problems += 1
        changed = theirs != UNCHANGED
        columns = (np.ones(len(ids)), nats, nats > self.tau, changed)
        words, place = np.unique(ids, return_inverse=True)
        amounts = np.stack([np.bincount(place, each, len(words)) for each in columns], axis=1)
        for word, own in zip(words.tolist(), amounts, strict=True):
            known = self.words.get(word)
            if known is None:
                self.words[word] = WordSums(1, own, own[_N] * own, own * own)
                continue
            known.problems += 1
            known.amounts += own
            known.products += own[_N] * own
            known.squares += own * own
        for word, other in zip(ids[changed].tolist(), theirs[changed].tolist(), strict=True):
            self.replacements.setdefault(word, Counter())[other] += 1
