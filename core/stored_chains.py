"""The chains that a run keeps, as the tables of problems show them: ids, answers, verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.disagreement.records import ComparedChain
from core.evaluation.records import ProblemSamples, Sample
from core.interventions.records import ArmChain, ProblemRecord
from core.records import StopReason, Verdict


@dataclass(frozen=True, eq=False)
class StoredChain:
    """One chain of a problem."""

    token_ids: NDArray[np.int32]  # (T,) completion; an array, since there may be millions
    answer: str | None
    verdict: Verdict
    stop_reason: StopReason

    def __len__(self) -> int:
        return len(self.token_ids)

    @property
    def correct(self) -> bool:
        """Whether the answer is correct."""
        return self.verdict is Verdict.CORRECT

    @property
    def cut(self) -> bool:
        """Whether the chain reached the limit of new tokens."""
        return self.stop_reason is StopReason.LENGTH


@dataclass(frozen=True, eq=False)
class StoredProblem:
    """The chains of one problem, at least one."""

    problem_id: str
    prompt_ids: NDArray[np.int32]  # (P,)
    chains: tuple[StoredChain, ...]

    @property
    def correct(self) -> int:
        """How many chains are correct."""
        return sum(chain.correct for chain in self.chains)


def samples_of(record: ProblemSamples) -> StoredProblem:
    """The samples of a problem in an evaluation."""
    return _stored(record.problem_id, record.prompt_ids, record.samples)


def arms_of(record: ProblemRecord, arms: Sequence[str]) -> StoredProblem:
    """The chains of some arms of an intervention study.

    Raises:
        KeyError: an arm that wasn't run.
    """
    chains = [record.chain(arm) for arm in arms]
    return _stored(record.problem_id, record.prompt_ids, chains)


def compared_of(record: ComparedChain) -> StoredProblem:
    """The one chain of a problem in a comparison."""
    return _stored(record.problem_id, record.prompt_ids, [record])


def _stored(
    problem_id: str,
    prompt_ids: Sequence[int],
    chains: Sequence[Sample] | Sequence[ArmChain] | Sequence[ComparedChain],
) -> StoredProblem:
    return StoredProblem(
        problem_id,
        np.array(prompt_ids, np.int32),
        tuple(
            StoredChain(
                np.array(chain.token_ids, np.int32),
                chain.answer,
                chain.verdict,
                chain.stop_reason,
            )
            for chain in chains
        ),
    )
