"""A tree of endings while it grows: what waits, what is decoded ahead, what is taken."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Container, Sequence
from dataclasses import replace
from datetime import date
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from core.answers.groups import AnswerGroups
from core.chains.assembly import scored_chain
from core.chains.expansion.candidates import Candidate, Node, Order
from core.chains.expansion.records import Ended, Ending, Path
from core.chains.expansion.summary import group_of
from core.chains.generation import Fork, fork_each
from core.chains.judging import judge
from core.chains.settings import ExpansionSettings
from core.decoding.sampling import chain_seed
from core.records import Chain, Outcome, Sampler, StopReason

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

_MOST, _LEAST = 4, 1 / 4  # batches in a wave: few steps then have few rows

OnEnding = Callable[[int, Outcome, int], None]
"""Called when a chain is complete: with its number in the wave, outcome and new tokens."""


def continued_by(chain: Chain, temperature: float) -> Sampler:
    """The sampler of continuations: the chain's own, or one of another temperature with the same
    length and stop strings."""
    own = chain.sampler
    if temperature == own.temperature:
        return own
    return Sampler(temperature, max_new_tokens=own.max_new_tokens, stop=own.stop)


def seed_of(chain: Chain, path: Path) -> int:
    """The seed of the continuation at the end of a path, which depends on nothing else."""
    return chain_seed(chain.seed, f"{chain.problem.id}@{path}", 0)


class GrowingTree:
    """A tree while it grows. Chains are complete before the order reaches them; the tokens that can
    be forced in them are known then, too."""

    def __init__(
        self,
        lm: LanguageModel,
        chain: Chain,
        settings: ExpansionSettings,
        sampler: Sampler,
        order: Order,
    ) -> None:
        self._lm, self._root = lm, chain
        self._settings, self._sampler, self._order = settings, sampler, order
        self.groups = AnswerGroups()
        self.known: dict[Path, Ending] = {}
        self.endings: list[Ending] = []
        self.tokens = self.pruned = 0
        self._waiting: list[Candidate] = []  # a heap
        self._complete: dict[Path, Ending] = {}  # not reached by the order yet
        self._ahead = 0  # tokens of these
        self._left_out: dict[Path, int] = {}  # branches pruned in them
        self._numbers: dict[Path, int] = {}
        self._levels: dict[int, int] = {}  # endings by depth

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to try."""
        return not (self._waiting or self.pruned)

    @property
    def waiting(self) -> int:
        """Number of known branches that have to be decoded, whatever the budget."""
        return len(self._waiting) - len(self._complete)

    def open(self, node: Node) -> None:
        """Add the tokens that can be forced in a chain."""
        found, pruned = self._order.candidates(node)
        if node.path:
            self._left_out[node.path] = pruned
        else:
            self.pruned = pruned
        for each in found:
            heapq.heappush(self._waiting, each)
            ending = self.known.get(each.path)
            if ending is not None:
                self._completed(each, replace(ending, differs=self._differs(each, ending.outcome)))

    def accept(self) -> Ended | None:
        """Take complete endings in the order; None where the next one has to be decoded."""
        while self._waiting:
            first = self._waiting[0]
            if not self._follows(first, self._numbers) or not self._has_room(first, 0):
                self._drop(heapq.heappop(self._waiting))
                continue
            if self.tokens >= self._settings.budget:
                return "budget"
            if first.path not in self._complete:
                return None
            self._take(heapq.heappop(self._waiting))
        return "all"

    def accept_all(self) -> None:
        """Take all complete endings that follow others, whatever the budget."""
        for each in sorted(self._waiting):
            follows = self._follows(each, self._numbers)
            if follows and each.path in self._complete and self._has_room(each, 0):
                self._take(each)

    def wave(self, batch_size: int) -> list[Candidate]:
        """The next ones to decode, in their order: about as many as the budget can take."""
        left = self._settings.budget - self.tokens - self._ahead
        done = len(self.endings) + len(self._complete)
        typical = (self.tokens + self._ahead) / done if done else len(self._root) / 2
        most = max(ceil(left / max(typical, 1)), ceil(_LEAST * batch_size))
        chosen: list[Candidate] = []
        coming, planned = set(self._numbers), Counter[int]()
        for each in sorted(self._waiting):
            if len(chosen) == min(most, _MOST * batch_size):
                break
            depth = len(each.path)
            if not self._follows(each, coming) or not self._has_room(each, planned[depth]):
                continue
            coming.add(each.path)
            planned[depth] += 1
            if each.path not in self._complete:
                chosen.append(each)
        return chosen

    def decode(
        self,
        wave: Sequence[Candidate],
        batch_size: int,
        on_ending: OnEnding | None,
        cancel: Callable[[], bool],
    ) -> bool:
        """Continue a wave to its endings; False when cancelled."""
        made: dict[int, tuple[Chain, Outcome]] = {}

        def on_chain(index: int, chain: Chain) -> None:
            if chain.stop_reason is StopReason.CANCELLED:
                return
            (outcome,) = judge(self._lm, [chain])
            made[index] = chain, replace(outcome, explanation=None)
            if on_ending is not None:
                on_ending(index, outcome, len(chain) - wave[index].position)

        fork_each(
            self._lm,
            [(each.node.chain, Fork(each.position, each.token_id)) for each in wave],
            self._sampler,
            [seed_of(self._root, each.path) for each in wave],
            batch_size=batch_size,
            on_chain=on_chain,
            cancel=cancel,
        )
        for index in sorted(made):
            chain, outcome = made[index]
            self._completed(wave[index], self._ending(wave[index], chain, outcome), chain)
        return len(made) == len(wave)

    def _ending(self, candidate: Candidate, made: Chain, outcome: Outcome) -> Ending:
        chain, position = candidate.node.chain, candidate.position
        return Ending(
            parent=None,  # numbered when it is taken
            position=position,
            token_id=candidate.token_id,
            token=chain.top_tokens[position][candidate.column],
            rank=candidate.column + 1,
            probability=candidate.probability,
            own_probability=float(np.exp(chain.statistics.logprob[position])),
            path_probability=candidate.path_probability,
            token_ids=made.token_ids[position:],
            stop_reason=made.stop_reason,
            outcome=outcome,
            differs=self._differs(candidate, outcome),
        )

    def _differs(self, candidate: Candidate, outcome: Outcome) -> bool:
        return group_of(self.groups, outcome) != candidate.node.group

    def _completed(self, candidate: Candidate, ending: Ending, chain: Chain | None = None) -> None:
        """Keep an ending until the order reaches it; without its chain it is scored again."""
        path = candidate.path
        self._complete[path] = ending
        self._ahead += len(ending.token_ids)
        if len(path) < self._settings.depth:
            if chain is None:
                seed, parent = seed_of(self._root, path), candidate.node.chain
                chain = with_statistics(self._lm, parent, ending, self._sampler, seed)
            group = group_of(self.groups, ending.outcome)
            self.open(Node(chain, path, candidate.path_probability, group, candidate.order))

    def _take(self, candidate: Candidate) -> None:
        path = candidate.path
        ending = self._complete.pop(path)
        self._numbers[path] = len(self.endings)
        self.endings.append(replace(ending, parent=self._numbers.get(path[:-1])))
        self.tokens += len(ending.token_ids)
        self._ahead -= len(ending.token_ids)
        self.pruned += self._left_out.pop(path, 0)
        self._levels[len(path)] = self._levels.get(len(path), 0) + 1

    def _drop(self, candidate: Candidate) -> None:
        """Leave a branch out; those that leave it no longer follow anything."""
        ending = self._complete.pop(candidate.path, None)
        if ending is not None:
            self._ahead -= len(ending.token_ids)

    @staticmethod
    def _follows(candidate: Candidate, taken: Container[Path]) -> bool:
        """Whether the chain that a branch leaves is in the tree."""
        return not candidate.node.path or candidate.node.path in taken

    def _has_room(self, candidate: Candidate, planned: int) -> bool:
        depth = len(candidate.path)
        room = self._order.room(depth)
        return room is None or self._levels.get(depth, 0) + planned < room


def with_statistics(
    lm: LanguageModel, parent: Chain, ending: Ending, sampler: Sampler, seed: int
) -> Chain:
    """The chain of an ending, scored again, since only its token ids are kept.

    Args:
        parent: the chain that it leaves.
        sampler, seed: of its continuation.

    Raises:
        ModelError, PromptError, PositionError: as `scored_chain`.
    """
    position = ending.position
    forced = {at for at in range(position) if parent.forced[at]} | {position}
    return scored_chain(
        lm,
        parent.problem,
        parent.prompt_ids,
        ending.after(parent),
        forced=forced,
        sampler=sampler,
        stop_reason=ending.stop_reason,
        seed=seed,
        prompt_style=parent.prompt_style,
        prompt_date=None if parent.prompt_date is None else date.fromisoformat(parent.prompt_date),
        k=parent.statistics.top_ids.shape[1],
    )
