"""Imported rollouts in a model's token ids, judged by their rewards."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.chains.judging import judge_completions
from core.errors import RunError
from core.evaluation.records import ProblemSamples, Sample
from core.evaluation.sampling import votes
from core.imports.records import Rollout
from core.imports.scores import RolloutScore
from core.imports.scoring import Ids, encode
from core.records import Outcome, StopReason, Verdict, floats

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

_TOGETHER = 64  # rollouts whose answers are checked together


@dataclass(frozen=True, eq=False)
class Judged:
    """A rollout in the model's ids, judged by its reward."""

    rollout: Rollout
    prompt_ids: tuple[int, ...]
    token_ids: NDArray[np.int32]  # (T,)
    entropy: NDArray[np.float32]  # (T,) nats, of the base
    ids: Ids
    outcome: Outcome  # with the verdict of the reward
    checked: Verdict  # of the answer checker
    unlikely: bool  # less likely than chance under the base

    @property
    def correct(self) -> bool:
        """Whether its reward says so."""
        return self.outcome.verdict is Verdict.CORRECT


def judged(
    lm: LanguageModel,
    found: Sequence[tuple[Rollout, RolloutScore]],
    lowest: float,
    from_text: bool,
    on_progress: Callable[[int, int], None],
    cancel: Callable[[], bool],
) -> list[Judged] | None:
    """Rollouts in the model's ids, with the verdicts of their rewards.

    Args:
        found: with their scores by the same model.
        lowest: the lowest correct reward.
        from_text: tokenise the text even where the file has ids.
        on_progress: called with (rollouts done, all of them).
        cancel: asked now and then.

    Returns:
        One a rollout, in order; None when cancelled.

    Raises:
        RunError: a score of other tokens.
        ResourceError: the answer checker doesn't start.
    """
    read: list[Judged] = []
    prompts: dict[tuple[int, ...], tuple[int, ...]] = {}  # each is kept once
    for start in range(0, len(found), _TOGETHER):
        if cancel():
            return None
        part = found[start : start + _TOGETHER]
        encoded = [encode(lm, rollout, from_text) for rollout, _ in part]
        outcomes = judge_completions(
            lm,
            [each.answer_ids for each in encoded],
            [rollout.gold for rollout, _ in part],
            [each.prompt_ids for each in encoded],
        )
        for (rollout, score), each, outcome in zip(part, encoded, outcomes, strict=True):
            if len(each.answer_ids) != len(score.entropy):
                raise RunError(
                    f"The scores of row {rollout.row} are of {len(score.entropy):,} tokens, and it "
                    f"has {len(each.answer_ids):,}.",
                    "Open the file again, and score it again.",
                )
            right = (rollout.reward or 0.0) >= lowest
            read.append(
                Judged(
                    rollout,
                    prompts.setdefault(each.prompt_ids, each.prompt_ids),
                    np.array(each.answer_ids, np.int32),
                    score.entropy,
                    each.ids,
                    replace(outcome, verdict=_verdict(outcome, right), explanation=None),
                    outcome.verdict,
                    score.unlikely,
                )
            )
        on_progress(len(read), len(found))
    return read


def _verdict(outcome: Outcome, right: bool) -> Verdict:
    """As the reward says; of a wrong one, why it is wrong as far as the checker knows."""
    if right:
        return Verdict.CORRECT
    if outcome.verdict in (Verdict.UNPARSEABLE, Verdict.TIMED_OUT):
        return outcome.verdict
    return Verdict.UNPARSEABLE if outcome.answer is None else Verdict.WRONG


def by_prompt(read: Iterable[Judged]) -> dict[str, list[Judged]]:
    """Rollouts by the id of their problem: their group, with a number for its second prompt."""
    ids: dict[tuple[str, tuple[int, ...]], str] = {}
    groups: dict[str, list[Judged]] = {}
    for each in read:
        key = each.rollout.group, each.prompt_ids
        if key not in ids:
            free = (f"{key[0]}{f' ({n})' if n > 1 else ''}" for n in range(1, len(ids) + 2))
            ids[key] = next(name for name in free if name not in groups)
        groups.setdefault(ids[key], []).append(each)
    return groups


def record_of(problem_id: str, group: Sequence[Judged], eos: Collection[int]) -> ProblemSamples:
    """The rollouts of a problem as a run keeps them.

    Args:
        group: of one prompt.
        eos: the model's end-of-sequence tokens.

    Raises:
        ResourceError: the answer checker doesn't start.
    """
    samples = tuple(
        Sample(
            token_ids=tuple(each.token_ids.tolist()),
            answer=each.outcome.answer,
            verdict=each.outcome.verdict,
            boxed=each.outcome.boxed,
            stop_reason=_stop(each, eos),
            vote=vote,
            entropy=tuple(floats(each.entropy)),
        )
        for each, vote in zip(group, votes([each.outcome for each in group]), strict=True)
    )
    return ProblemSamples(problem_id, None, group[0].prompt_ids, samples)


def _stop(each: Judged, eos: Collection[int]) -> StopReason:
    """As the file says; otherwise by the last token, which decides whether it is text."""
    if each.rollout.stop_reason in (StopReason.LENGTH, StopReason.CANCELLED):
        return each.rollout.stop_reason
    return StopReason.EOS if int(each.token_ids[-1]) in eos else StopReason.STOP
