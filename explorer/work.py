"""What a session's work is about: what the page shows of it while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from core.chains.assembly import GrowingChain
from core.chains.decoding_progress import DecodingProgress
from core.chains.fix_search import AttemptResult
from core.chains.generation import Watch
from core.chains.pivotality import SampledEnding
from core.chains.sweep import Sweep
from core.chains.tree import ForkTree
from core.decoding.settings import DEFAULT_BATCH_SIZE
from core.records import Chain, Outcome, Sampler, Verdict
from explorer.classroom.account import Meter
from explorer.tasks import Task

Kind = Literal["chain", "preview", "alternatives", "samples", "fix", "grow", "other"]
TokenIds = tuple[int, ...]


@dataclass(frozen=True)
class Continuation:
    """The outcome of one alternative, or of a typed phrase."""

    token_ids: TokenIds
    chain: Chain
    outcome: Outcome


Place = tuple[tuple[int, ...], tuple[int, ...], Sampler, int, str, str | None]


def place_of(chain: Chain, position: int) -> Place:
    """Key of the continuations at a position; branches with an equal key share them."""
    kept = chain.token_ids[:position]
    return chain.prompt_ids, kept, chain.sampler, chain.seed, chain.model, chain.adapter


@dataclass
class Growing:
    """A tree while it grows."""

    part: Literal["forks", "random"] = "forks"
    endings: int = 0
    answers: dict[tuple[str | None, Verdict], int] = field(default_factory=dict)
    """Number of endings at forks so far, by the spelling of their answer."""

    def take(self, outcome: Outcome) -> None:
        """Take an ending."""
        self.endings += 1
        if self.part == "forks":
            key = outcome.answer, outcome.verdict
            self.answers = {**self.answers, key: self.answers.get(key, 0) + 1}


@dataclass
class Work:
    """One piece of work. Only its thread writes, pages read.

    Args:
        kind: "chain" for one that becomes a branch or a root, whose tokens are shown as they come.
        tree: that is worked on, and `branch`, the id of its branch.
        positions: of its chain, that are worked on.
        place: where the continuations belong.
        awaited: tokens whose continuations are being computed.
    """

    kind: Kind = "other"
    tree: ForkTree | None = None
    branch: str | None = None
    positions: frozenset[int] = frozenset()
    place: Place | None = None
    awaited: frozenset[TokenIds] = frozenset()
    progress: DecodingProgress | None = None
    samples: int = 0  # asked of every alternative
    counts: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    """By position and token: correct samples, and samples, so far."""
    plan: Sweep | None = None  # of the search for a fix
    sampler: Sampler | None = None  # of its continuations
    attempts: dict[tuple[int, int], AttemptResult] = field(default_factory=dict)
    """By position and token: what the attempts so far led to."""
    growing: Growing | None = None
    meter: Meter | None = None  # of a person whose tokens are counted

    def is_on(self, tree: ForkTree, branch: str) -> bool:
        """Whether it is about this branch."""
        return self.tree is tree and self.branch == branch

    def awaits(self, chain: Chain, position: int, token_ids: TokenIds) -> bool:
        """Whether the continuation of these tokens is being computed."""
        return token_ids in self.awaited and self.place == place_of(chain, position)

    def follow(self, task: Task, progress: DecodingProgress) -> Callable[[], bool]:
        """A `cancel` for the decode loop that reports its steps as the task's progress."""
        self.progress = progress
        task.unit = "steps"

        def cancel() -> bool:
            stop = progress()
            if self.meter is not None:
                stop = self.meter.is_used_up(progress.tokens) or stop
            task.done, task.total = progress.step, progress.total
            if progress.step == 1:  # reading the prompt says nothing about the pace
                task.before, task.started = 1, time.monotonic()
            return stop

        return cancel

    def count_sample(self, ending: SampledEnding) -> None:
        """Take a sampled continuation."""
        key = ending.position, ending.token_id
        correct, samples = self.counts.get(key, (0, 0))
        self.counts[key] = correct + (ending.outcome.verdict is Verdict.CORRECT), samples + 1

    def take_attempt(self, result: AttemptResult) -> None:
        """Take an attempt of the search for a fix."""
        self.attempts[result.attempt.position, result.attempt.token_id] = result


def expected_progress(task: Task, chain: Chain, positions: Sequence[int]) -> DecodingProgress:
    """The progress of continuations from these positions, each expected to be as long as the
    chain."""
    limit = chain.sampler.max_new_tokens
    return DecodingProgress(
        [len(chain) - position for position in positions],
        [limit - position for position in positions],
        len(chain.prompt_ids) + min(positions, default=0),
        DEFAULT_BATCH_SIZE,
        task.cancelled,
    )


def show_growth(task: Task) -> Watch:
    """A watch that shows the growing chain on the page."""

    def watch(_: int, growing: GrowingChain) -> None:
        task.live = growing

    return watch
