"""What grew from a chain: endings, their answers, and the random control."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.chains.settings import ExpansionSettings
from core.records import Chain, Outcome, StopReason, Verdict
from core.statistics import Estimate

Ended = Literal["all", "budget", "cancelled"]
"""Why a tree stopped growing: nothing is left to try, the budget is used up, or it was stopped."""

Path = tuple[tuple[int, int], ...]
"""The forced tokens that lead to an ending, from the chain on: (position, token id)."""


@dataclass(frozen=True)
class Ending:
    """A chain that grew: one forced token, and what the model wrote after it."""

    parent: int | None  # number of the ending that it leaves; None: the chain itself
    position: int  # of the forced token
    token_id: int
    token: str  # display text of the forced token
    rank: int  # of the forced token, 1 = most probable
    probability: float  # of the forced token
    own_probability: float  # of the token that its parent has there
    path_probability: float  # product of the probabilities of all forced tokens on its way
    token_ids: tuple[int, ...]  # (N,) from `position` on, the forced one first
    stop_reason: StopReason
    outcome: Outcome  # without explanation
    differs: bool  # whether its answer is another than its parent's

    def after(self, parent: Chain) -> tuple[int, ...]:
        """All tokens of its chain: those of its parent up to the forced one, and its own."""
        return (*parent.token_ids[: self.position], *self.token_ids)


@dataclass(frozen=True)
class AnswerShare:
    """Endings with the same answer, the chain itself among them.

    Attributes:
        answer: as most of them write it; None for all endings without an answer that can be read.
        verdict: of the example.
        endings: how many.
        probability: their share of the probability at the forks that were tried (`weights`).
        example: number of the ending with the largest share, which a session file may have left
            out; None: the chain itself.
    """

    answer: str | None
    verdict: Verdict
    endings: int
    probability: float
    example: int | None


@dataclass(frozen=True)
class Expansion:
    """A tree of endings that grew from a chain.

    Attributes:
        at: where tokens were forced.
        settings: with which it was asked for.
        endings: in the order in which the tree grew, parents before their children. A session file
            keeps the first of them.
        grown: number of all endings.
        tokens: decoded for them.
        pruned: branches left out, since their path probability is below the floor.
        ended: why it stopped.
        answers: most frequent first; of all endings.
        differing: share of endings whose answer is another than that of the chain they leave, its
            interval over the `n` positions at which tokens were forced; None without endings.
        differing_endings: the endings in that share.
        explored: probability of the tree, the chain itself included (`weights`); the rest belongs
            to tokens that were not tried.
    """

    at: Literal["forks", "random"]
    settings: ExpansionSettings
    endings: tuple[Ending, ...]
    grown: int
    tokens: int
    pruned: int
    ended: Ended
    answers: tuple[AnswerShare, ...]
    differing: Estimate | None
    differing_endings: int
    explored: float

    @property
    def paths(self) -> tuple[Path, ...]:
        """The forced tokens that lead to each ending."""
        paths: list[Path] = []
        for each in self.endings:
            before = () if each.parent is None else paths[each.parent]
            paths.append((*before, (each.position, each.token_id)))
        return tuple(paths)

    @property
    def levels(self) -> tuple[int, ...]:
        """Number of endings at each depth, from 1 on."""
        depths = [len(path) for path in self.paths]
        return tuple(depths.count(depth) for depth in range(1, max(depths, default=0) + 1))


@dataclass(frozen=True)
class Growth:
    """A tree, and its control: as many branches at random positions that are not forks. None for
    what was not asked for, or not begun."""

    forks: Expansion | None = None
    random: Expansion | None = None

    @property
    def complete(self) -> bool:
        """Whether all that was asked for has grown."""
        shown = self.forks or self.random
        if shown is None:
            return False
        both = (self.forks, self.random)
        asked = {"both": both, "forks": both[:1], "random": both[1:]}[shown.settings.at]
        return all(each is not None and each.ended != "cancelled" for each in asked)
