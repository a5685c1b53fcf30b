"""The chains of a lesson, chosen among a model's own by what their forks lead to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.answers import default_checker
from core.chains.forks import fork_positions
from core.chains.generation import Fork, fork, generate
from core.chains.judging import judge
from core.entropy import highest_entropy_positions
from core.lessons.settings import LessonSettings
from core.records import Chain, Outcome, Problem, Sampler, StopReason, Verdict

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

FORKS_TRIED = 3
"""Of a chain, at most: the ones with the highest entropy."""


@dataclass(frozen=True, eq=False)
class JudgedChain:
    """A chain and its outcome."""

    chain: Chain
    outcome: Outcome


@dataclass(frozen=True, eq=False)
class Ending:
    """Where the chain leads with one of a fork's most probable tokens, greedily."""

    token_id: int
    chain: Chain
    outcome: Outcome
    same: bool  # whether it has the answer that the fork's own chain has


@dataclass(frozen=True, eq=False)
class TriedFork:
    """A fork of a chain with the endings of all its stored alternatives, most probable first."""

    judged: JudgedChain
    position: int
    endings: tuple[Ending, ...]

    @property
    def chain(self) -> Chain:
        """The chain that forks."""
        return self.judged.chain

    @property
    def nats(self) -> float:
        """The entropy there."""
        return float(self.chain.entropy[self.position])

    @property
    def decides_nothing(self) -> bool:
        """Whether the chain has an answer, and every alternative ends in the same one."""
        return self.judged.outcome.answer is not None and all(each.same for each in self.endings)

    @property
    def fixes(self) -> bool:
        """Whether the chain is not correct and an alternative makes it correct."""
        return self.judged.outcome.verdict is not Verdict.CORRECT and any(
            each.outcome.verdict is Verdict.CORRECT for each in self.endings
        )

    @property
    def matters(self) -> bool:
        """Whether an alternative leads to another answer."""
        return any(not each.same for each in self.endings)


@dataclass(frozen=True, eq=False)
class LessonChains:
    """What a lesson shows; None where none of the model's chains has it.

    Attributes:
        searched: chains that were generated.
        tried: forks whose alternatives were tried, until those below were found.
        reading: a chain with a fork, to read: the one of `fork` where there is one.
        fork: a fork that matters, preferably one that fixes a wrong chain.
        other: a chain of another problem than that of `reading`, with a fork, to guess.
        idle: a fork that decides nothing.
    """

    searched: int
    tried: int
    reading: JudgedChain | None
    fork: TriedFork | None
    other: JudgedChain | None
    idle: TriedFork | None


def find_lesson_chains(
    lm: LanguageModel,
    problems: Sequence[Problem],
    settings: LessonSettings,
    *,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    cancel: Callable[[], bool] = lambda: False,
) -> LessonChains | None:
    """Generate greedy chains, and try the alternatives of their strongest forks until there is one
    that matters and one that decides nothing.

    Chains that are wrong come first; the rest is in the order of the problems.

    Args:
        on_progress: called with (chains generated or tried, most there can be).
        cancel: asked between tokens.

    Returns:
        The chains; None when cancelled.

    Raises:
        PromptError, ModelError, ResourceError: as `generate` and `judge`.
    """
    total = 2 * len(problems)
    done = 0

    def one_more() -> None:
        nonlocal done
        done += 1
        on_progress(done, total)

    chains = generate(
        lm,
        problems,
        Sampler(max_new_tokens=settings.max_new_tokens),
        [settings.seed] * len(problems),
        prompt_style=settings.prompt_style,
        template=settings.template,
        prompt_date=settings.prompt_date,
        stop=settings.stop,
        examples=settings.examples,
        batch_size=settings.batch_size,
        on_chain=lambda *_: one_more(),
        cancel=cancel,
    )
    if cancel():
        return None
    outcomes = judge(lm, chains)
    read = [JudgedChain(*pair) for pair in zip(chains, outcomes, strict=True) if len(pair[0])]
    with_forks = [each for each in read if len(fork_positions(each.chain, settings.tau))]
    ordered = sorted(with_forks, key=lambda each: each.outcome.verdict is not Verdict.WRONG)
    found: list[TriedFork] = []
    for each in ordered:
        tried = try_forks(lm, each, settings.tau, batch_size=settings.batch_size, cancel=cancel)
        if tried is None:
            return None
        found += tried
        one_more()
        if any(one.fixes for one in found) and any(one.decides_nothing for one in found):
            break
    best = _best(found)
    reading = next(iter(ordered), None) if best is None else best.judged
    idle = _idle(found)
    other = None if reading is None else _other(ordered, reading, idle)
    return LessonChains(len(read), len(found), reading, best, other, idle)


def try_forks(
    lm: LanguageModel,
    judged: JudgedChain,
    tau: float,
    *,
    batch_size: int,
    cancel: Callable[[], bool] = lambda: False,
) -> list[TriedFork] | None:
    """Continue every stored alternative at a chain's strongest forks, greedily and in one batch.

    Args:
        tau: nats; only tokens above it are forks.
        cancel: asked between tokens.

    Returns:
        One a fork, the strongest first; None when cancelled.

    Raises:
        ModelError, PromptError, ResourceError: as `fork`.
    """
    chain = judged.chain
    forks = set(fork_positions(chain, tau).tolist())
    strongest = highest_entropy_positions(chain.entropy[: chain.answer_length], FORKS_TRIED)
    positions = [each for each in strongest if each in forks]
    places = [
        (position, int(token_id))
        for position in positions
        for token_id in chain.statistics.top_ids[position]
    ]
    others = [each for each in places if chain.token_ids[each[0]] != each[1]]
    made = fork(lm, chain, [Fork(*each) for each in others], batch_size=batch_size, cancel=cancel)
    if any(each.stop_reason is StopReason.CANCELLED for each in made):
        return None
    ends = dict(zip(others, zip(made, judge(lm, made), strict=True), strict=True))
    return [
        TriedFork(judged, position, tuple(_endings(judged, position, ends)))
        for position in positions
    ]


def _endings(
    judged: JudgedChain, position: int, ends: dict[tuple[int, int], tuple[Chain, Outcome]]
) -> Iterator[Ending]:
    own = judged.chain, judged.outcome
    ids = [int(each) for each in judged.chain.statistics.top_ids[position]]
    pairs = [ends.get((position, token_id), own) for token_id in ids]
    same = _same_answers(judged.outcome.answer, [outcome.answer for _, outcome in pairs])
    for token_id, (chain, outcome), equal in zip(ids, pairs, same, strict=True):
        yield Ending(token_id, chain, outcome, equal)


def _same_answers(answer: str | None, others: Sequence[str | None]) -> list[bool]:
    """Whether each of other answers equals one, as for votes; no answer equals only no answer."""
    asked = [(answer, each) for each in others if answer is not None and each is not None]
    equal = iter(default_checker().same_many(asked))
    return [
        next(equal) if answer is not None and each is not None else answer is each
        for each in others
    ]


def _best(found: Sequence[TriedFork]) -> TriedFork | None:
    """The first that fixes its chain, else the first that matters."""
    fixing = [each for each in found if each.fixes]
    return next(iter((*fixing, *(each for each in found if each.matters))), None)


def _other(
    ordered: Sequence[JudgedChain], reading: JudgedChain, idle: TriedFork | None
) -> JudgedChain | None:
    """A chain of another problem; where there are several, one that isn't shown with its colours
    later (on paper that would be the answer), and of another family."""
    taken, later = reading.chain.problem, None if idle is None else idle.chain.problem
    others = [each.chain.problem for each in ordered if each.chain.problem != taken]
    best = min(others, key=lambda each: (each == later, each.family == taken.family), default=None)
    return next((each for each in ordered if each.chain.problem == best), None)


def _idle(found: Sequence[TriedFork]) -> TriedFork | None:
    """The strongest of those that decide nothing."""
    idle = [each for each in found if each.decides_nothing]
    return max(idle, key=lambda each: each.nats, default=None)
