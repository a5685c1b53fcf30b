"""The record of one problem in the intervention study: every arm's chain and its tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from core.records import SCHEMA_VERSION, StopReason, Verdict
from core.runs.result_files import reading_record, without


@dataclass(frozen=True)
class Substitution:
    """A position where an arm put a token, possibly the one that the base chose anyway."""

    position: int  # of the completion, from 0
    token_id: int
    base_rank: int  # of that token in the base's order on that prefix, 1 = most probable
    base_id: int  # the base's argmax on that prefix
    # In a chain that the teacher writes, both are the teacher's.

    @property
    def changed(self) -> bool:
        """Whether the token differs from the base's choice."""
        return self.token_id != self.base_id


@dataclass(frozen=True)
class SweepAttempt:
    """One attempt of a sweep: a single forced token, and the outcome of its chain."""

    position: int
    token_id: int
    rank: int  # in the base's order there
    verdict: Verdict
    answer: str | None


@dataclass(frozen=True)
class ArmChain:
    """One arm's chain. For a sweep, the chain of its first right attempt, in the order tried; the
    base's chain if no attempt is right."""

    arm: str
    token_ids: tuple[int, ...]  # (T,) completion, the end-of-sequence token included
    stop_reason: StopReason
    answer: str | None
    verdict: Verdict
    boxed: bool
    touched: tuple[Substitution, ...] = ()  # in order of position
    attempts: tuple[SweepAttempt, ...] = ()  # of a sweep; empty if the base's chain is right

    @property
    def correct(self) -> bool:
        """Whether the answer is right."""
        return self.verdict is Verdict.CORRECT

    @property
    def changed(self) -> tuple[Substitution, ...]:
        """The touched positions whose token differs from the base's choice."""
        return tuple(each for each in self.touched if each.changed)


@dataclass(frozen=True)
class ProblemRecord:
    """One problem's chains, one an arm, in the order of `core.interventions.arms.ARMS`."""

    problem_id: str
    prompt_ids: tuple[int, ...]
    chains: tuple[ArmChain, ...]
    points: tuple[ArmChain, ...] = ()  # of curves, each before its control

    def chain(self, arm: str) -> ArmChain:
        """The chain of one arm, or of a point of a curve.

        Raises:
            KeyError: no such arm in this record.
        """
        for chain in (*self.chains, *self.points):
            if chain.arm == arm:
                return chain
        raise KeyError(arm)

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict; equal records give equal dicts, keys in the same order. Without points
        it says nothing of them."""
        found = {"schema_version": SCHEMA_VERSION, **_ADAPTER.dump_python(self, mode="json")}
        return found if self.points else without(found, "points")

    @staticmethod
    def from_json(data: Any) -> ProblemRecord:
        """Read what `to_json` wrote.

        Raises:
            FileError: of a newer version, or not a record.
        """
        remedy = "Run the study again, or open another copy of its results."
        with reading_record(data, "intervention record", remedy):
            record = _ADAPTER.validate_python(data)
        return record


_ADAPTER = TypeAdapter(ProblemRecord)
