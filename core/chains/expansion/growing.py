"""Grow a tree of endings from a chain, in batches, in an order that no batch changes."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import ceil
from typing import TYPE_CHECKING, Literal

import numpy as np

from core.answers.groups import AnswerGroups
from core.chains.assembly import scored_chain
from core.chains.expansion.candidates import AtForks, AtRandom, Candidate, Node, Order
from core.chains.expansion.records import Ended, Ending, Expansion, Growth, Path
from core.chains.expansion.summary import answer_shares, differing_share, group_of, weights
from core.chains.generation import Fork, check_maker, fork_each
from core.chains.judging import judge
from core.chains.settings import ExpansionSettings
from core.decoding.sampling import chain_seed
from core.decoding.settings import DEFAULT_BATCH_SIZE
from core.errors import PositionError
from core.records import Chain, Outcome, Sampler, StopReason

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

_BATCHES = 4  # batches decoded at once, so that few steps have few rows

OnWave = Callable[[Sequence[int], int], None]
"""Called before each wave of chains, with the positions from which they are continued and the
number of further branches that are known to wait."""

OnEnding = Callable[[Ending, int], None]
"""Called with an ending when it is complete, and with its number in the wave."""


def grow(
    lm: LanguageModel,
    chain: Chain,
    outcome: Outcome,
    settings: ExpansionSettings | None = None,
    *,
    known: Growth | None = None,
    batch_size: int = DEFAULT_BATCH_SIZE,
    on_part: Callable[[Literal["forks", "random"]], None] | None = None,
    on_wave: OnWave | None = None,
    on_ending: OnEnding | None = None,
    cancel: Callable[[], bool] = lambda: False,
) -> Growth:
    """Grow a tree at the forks of a chain and, as its control, one with as many branches at random
    positions that are not forks.

    Args:
        known: of the same chain, such as one that was cancelled: its endings are not decoded again.
        on_part: called before each of the two.
        settings, batch_size, on_wave, on_ending, cancel: as of `expand`.

    Returns:
        What grew; when cancelled, what had grown until then.

    Raises:
        As `expand`.
    """
    settings = settings or ExpansionSettings()
    found = Growth()
    levels = None
    for at in ("forks", "random"):
        if settings.at not in (at, "both"):
            continue
        earlier = None if known is None else getattr(known, at)
        if cancel():
            if earlier is not None and earlier.settings == settings:
                found = replace(found, **{at: earlier})
            continue
        if on_part is not None:
            on_part(at)
        tree = expand(
            lm,
            chain,
            outcome,
            settings,
            at=at,
            levels=levels,
            known=earlier,
            batch_size=batch_size,
            on_wave=on_wave,
            on_ending=on_ending,
            cancel=cancel,
        )
        found = replace(found, **{at: tree})
        levels = tree.levels
    return found


def expand(
    lm: LanguageModel,
    chain: Chain,
    outcome: Outcome,
    settings: ExpansionSettings | None = None,
    *,
    at: Literal["forks", "random"] = "forks",
    levels: Sequence[int] | None = None,
    known: Expansion | None = None,
    batch_size: int = DEFAULT_BATCH_SIZE,
    on_wave: OnWave | None = None,
    on_ending: OnEnding | None = None,
    cancel: Callable[[], bool] = lambda: False,
) -> Expansion:
    """Force other tokens at the forks of a chain, continue each to its end, and so on at the forks
    of the new chains behind their forced token.

    The most probable path grows first (`AtForks`). Chains are decoded in batches, ahead of this
    order; those that the order doesn't reach within the budget are dropped, so that the tree
    depends on neither batches nor interruptions.

    Args:
        outcome: of the chain.
        settings: depth, width, threshold, budget, floor, temperature.
        at: forks, or random positions that are not forks.
        levels: at random: number of endings at each depth, from 1 on; None: as many positions as
            there are forks in each chain.
        known: endings of the same chain are taken from here instead of decoded, where their
            temperature is the same. Chains that grow on are scored again.
        batch_size: most chains decoded at once.
        on_wave, on_ending: see there.
        cancel: polled between tokens.

    Returns:
        The tree; when cancelled, with every ending that was complete.

    Raises:
        PositionError: no position to force a token at.
        ModelError, PromptError, ResourceError: as `fork`.
    """
    settings = settings or ExpansionSettings()
    sampler = continued_by(chain, settings.temperature)
    check_maker(lm, chain, sampler)
    order: Order = AtForks(settings) if at == "forks" else AtRandom(settings, levels)
    tree = _Tree(lm, chain, outcome, settings, sampler, order)
    if known is not None and known.settings.temperature == settings.temperature:
        tree.known = dict(zip(known.paths, known.endings, strict=True))
    tree.open(Node(None, chain, (), 1.0, group_of(tree.groups, outcome)))
    if tree.nothing and levels is None:
        what = f"token above {settings.tau:g} nats" if at == "forks" else "position to draw from"
        raise PositionError(
            f"This chain has no {what} before its answer's end.",
            "Lower the threshold." if at == "forks" else "Choose a longer chain.",
        )
    ended = tree.accept()
    while ended is None:
        wave = tree.wave(batch_size * _BATCHES)
        if on_wave is not None:
            on_wave([each.position for each in wave], tree.waiting - len(wave))
        if not tree.decode(wave, batch_size, on_ending, cancel):
            tree.accept_all()
            ended = "cancelled"
        else:
            ended = tree.accept()
    return Expansion(
        at=at,
        settings=settings,
        endings=tuple(tree.endings),
        grown=len(tree.endings),
        tokens=tree.tokens,
        pruned=order.pruned,
        ended=ended,
        answers=answer_shares(outcome, tree.endings, tree.groups),
        differing=differing_share(tree.endings, chain.seed),
        differing_endings=sum(each.differs for each in tree.endings),
        explored=sum(weights(tree.endings)),
    )


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


@dataclass(frozen=True)
class _Made:
    """An ending that is complete."""

    ending: Ending
    chain: Chain | None  # None: known from earlier, to be scored where it grows on


class _Tree:
    """A tree while it grows."""

    def __init__(
        self,
        lm: LanguageModel,
        chain: Chain,
        outcome: Outcome,
        settings: ExpansionSettings,
        sampler: Sampler,
        order: Order,
    ) -> None:
        self._lm, self._root, self._outcome = lm, chain, outcome
        self._settings, self._sampler, self._order = settings, sampler, order
        self.groups = AnswerGroups()
        self.known: dict[Path, Ending] = {}
        self.endings: list[Ending] = []
        self.tokens = 0
        self._waiting: list[Candidate] = []  # a heap
        self._made: dict[Path, _Made] = {}  # complete, but not reached by the order yet
        self._levels: dict[int, int] = {}  # endings by depth

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to try."""
        return not (self._waiting or self._order.pruned)

    @property
    def waiting(self) -> int:
        """Number of known branches that have to be decoded, whatever the budget."""
        return sum(each.path not in self._made for each in self._waiting)

    def open(self, node: Node) -> None:
        """Add the tokens that can be forced in a chain."""
        for each in self._order.candidates(node):
            heapq.heappush(self._waiting, each)
            if each.path in self.known:
                ending = replace(self.known[each.path], parent=node.number)
                self._made[each.path] = _Made(self._with_difference(ending, node), None)

    def accept(self) -> Ended | None:
        """Take complete endings in the order; None where the next one has to be decoded."""
        while self._waiting:
            first = self._waiting[0]
            if not self._has_room(first, 0):
                heapq.heappop(self._waiting)
                continue
            if self.tokens >= self._settings.budget:
                return "budget"
            if first.path not in self._made:
                return None
            self._take(heapq.heappop(self._waiting))
        return "all"

    def accept_all(self) -> None:
        """Take all complete endings, whatever the order and the budget."""
        left: list[Candidate] = []
        while self._waiting:
            each = heapq.heappop(self._waiting)
            if each.path in self._made:
                self._take(each)
            else:
                left.append(each)
        self._waiting = left

    def wave(self, most: int) -> list[Candidate]:
        """The next ones to decode, in their order: as many as the budget can probably take."""
        ahead = [len(each.ending.token_ids) for each in self._made.values()]
        left = self._settings.budget - self.tokens - sum(ahead)
        typical = self.tokens / len(self.endings) if self.endings else len(self._root) / 2
        most = min(most, max(1, ceil(left / max(typical, 1))))
        chosen: list[Candidate] = []
        planned: dict[int, int] = {}
        for each in sorted(self._waiting):
            if len(chosen) == most:
                break
            depth = len(each.path)
            if each.path not in self._made and self._has_room(each, planned.get(depth, 0)):
                planned[depth] = planned.get(depth, 0) + 1
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
        complete = 0

        def on_chain(index: int, made: Chain) -> None:
            nonlocal complete
            if made.stop_reason is StopReason.CANCELLED:
                return
            complete += 1
            (outcome,) = judge(self._lm, [made])
            ending = self._ending(wave[index], made, replace(outcome, explanation=None))
            self._made[wave[index].path] = _Made(ending, made)
            if on_ending is not None:
                on_ending(ending, index)

        fork_each(
            self._lm,
            [(each.node.chain, Fork(each.position, each.token_id)) for each in wave],
            self._sampler,
            [seed_of(self._root, each.path) for each in wave],
            batch_size=batch_size,
            on_chain=on_chain,
            cancel=cancel,
        )
        return complete == len(wave)

    def _ending(self, candidate: Candidate, made: Chain, outcome: Outcome) -> Ending:
        node, position = candidate.node, candidate.position
        ending = Ending(
            parent=node.number,
            position=position,
            token_id=candidate.token_id,
            token=node.chain.top_tokens[position][candidate.column],
            rank=candidate.column + 1,
            probability=candidate.probability,
            own_probability=float(np.exp(node.chain.statistics.logprob[position])),
            path_probability=candidate.path_probability,
            token_ids=made.token_ids[position:],
            stop_reason=made.stop_reason,
            outcome=outcome,
            differs=False,
        )
        return self._with_difference(ending, node)

    def _with_difference(self, ending: Ending, node: Node) -> Ending:
        return replace(ending, differs=group_of(self.groups, ending.outcome) != node.group)

    def _take(self, candidate: Candidate) -> None:
        made = self._made.pop(candidate.path)
        depth = len(candidate.path)
        number = len(self.endings)
        self.endings.append(made.ending)
        self.tokens += len(made.ending.token_ids)
        self._levels[depth] = self._levels.get(depth, 0) + 1
        if depth < self._settings.depth:
            chain = made.chain or self._scored(candidate, made.ending)
            group = group_of(self.groups, made.ending.outcome)
            self.open(Node(number, chain, candidate.path, candidate.path_probability, group))

    def _scored(self, candidate: Candidate, ending: Ending) -> Chain:
        seed = seed_of(self._root, candidate.path)
        return with_statistics(self._lm, candidate.node.chain, ending, self._sampler, seed)

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
        (*parent.token_ids[:position], *ending.token_ids),
        forced=forced,
        sampler=sampler,
        stop_reason=ending.stop_reason,
        seed=seed,
        prompt_style=parent.prompt_style,
        prompt_date=None if parent.prompt_date is None else date.fromisoformat(parent.prompt_date),
        k=parent.statistics.top_ids.shape[1],
    )
