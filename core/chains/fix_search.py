"""Find the fix: which single forced tokens flip a chain's answer, with a random control."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.chains.generation import Fork, fork
from core.chains.judging import judge
from core.chains.sweep import Attempt, Sweep, plan_sweep
from core.decoding.sampling import keyed_generator
from core.errors import PositionError
from core.records import Chain, Outcome, Sampler, StopReason, Verdict
from core.statistics import Estimate, share

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel


@dataclass(frozen=True)
class AttemptResult:
    """The outcome of the chain after one attempt."""

    attempt: Attempt
    outcome: Outcome
    length: int  # tokens of the whole chain
    turned: bool


@dataclass(frozen=True)
class FixSearch:
    """All attempts on one chain, and as many at other positions drawn at random."""

    positions: int  # requested
    sampler: Sampler  # of the continuations
    seed: int
    attempts: tuple[AttemptResult, ...]
    control: tuple[AttemptResult, ...]

    @property
    def turned_share(self) -> Estimate:
        """Share of attempts at the highest-entropy positions that flipped the answer."""
        return _share(self.attempts)

    @property
    def control_share(self) -> Estimate:
        """The same share at random other positions."""
        return _share(self.control)


def search_fix(
    lm: LanguageModel,
    chain: Chain,
    outcome: Outcome,
    *,
    positions: int = 5,
    sampler: Sampler | None = None,
    on_plan: Callable[[Sweep], None] | None = None,
    on_ending: Callable[[AttemptResult], None] | None = None,
    cancel: Callable[[], bool] = lambda: False,
) -> FixSearch | None:
    """Force every other top token at the chain's highest-entropy positions, one at a time.
    Positions after the answer, where the chain runs on, are left out.

    This is the base-only intervention on one chain. On a correct chain it finds the tokens that
    break it. All attempts and the control are one batch on shared prefixes.

    Args:
        chain: whose tokens are replaced.
        outcome: of the chain.
        positions: number of positions to try, highest entropy first.
        sampler: of the continuations; None: the chain's own.
        on_plan: called with all attempts before the first.
        on_ending: called with every attempt when it is complete.
        cancel: polled between tokens.

    Returns:
        The results, or None when cancelled.

    Raises:
        PositionError: an empty chain, or fewer than one position.
        ModelError, PromptError, ResourceError: as `fork`.
    """
    if not chain.answer_length or positions < 1:
        raise PositionError(
            "This chain has no position to try.",
            "Generate a chain, and ask for at least 1 position.",
        )
    sampler = sampler or chain.sampler
    rng = keyed_generator(chain.seed, chain.problem.id, "find the fix")
    answer = slice(chain.answer_length)
    plan = plan_sweep(chain.token_ids[answer], chain.statistics[answer], positions, rng)
    tries = (*plan.attempts, *plan.control)
    if on_plan is not None:
        on_plan(plan)
    results: dict[int, AttemptResult] = {}

    def on_chain(index: int, made: Chain) -> None:
        if made.stop_reason is StopReason.CANCELLED:
            return
        (ended,) = judge(lm, [made])
        results[index] = AttemptResult(tries[index], ended, len(made), _turned(outcome, ended))
        if on_ending is not None:
            on_ending(results[index])

    forks = [Fork(each.position, each.token_id) for each in tries]
    fork(lm, chain, forks, sampler=sampler, on_chain=on_chain, cancel=cancel)
    if len(results) < len(tries):
        return None
    endings = tuple(results[index] for index in range(len(tries)))
    split = len(plan.attempts)
    return FixSearch(positions, sampler, chain.seed, endings[:split], endings[split:])


def _turned(before: Outcome, after: Outcome) -> bool:
    """Whether the verdict flipped; without a gold answer, whether the answer changed."""
    if before.verdict is Verdict.NO_GOLD:
        return after.answer != before.answer
    return (after.verdict is Verdict.CORRECT) != (before.verdict is Verdict.CORRECT)


def _share(endings: tuple[AttemptResult, ...]) -> Estimate:
    return share(sum(each.turned for each in endings), len(endings))
