"""The record of one problem in an evaluation: every sampled chain, judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from core.records import SCHEMA_VERSION, StopReason, Verdict
from core.runs.result_files import reading_record


@dataclass(frozen=True)
class Sample:
    """One chain of a problem, judged."""

    token_ids: tuple[int, ...]  # (T,) completion, the end-of-sequence token included
    answer: str | None
    verdict: Verdict
    boxed: bool
    stop_reason: StopReason
    vote: int | None = None  # the problem's first sample with an equal answer; None: no vote
    entropy: tuple[float, ...] | None = None  # (T,) nats; only rollouts to learn from keep it
    at_forks: int | None = None  # tokens drawn at the temperature of forks; None: no such

    @property
    def correct(self) -> bool:
        """Whether the answer is right."""
        return self.verdict is Verdict.CORRECT


@dataclass(frozen=True)
class ProblemSamples:
    """One problem's chains, in the order of their sample numbers."""

    problem_id: str
    family: str | None  # None: without a family
    prompt_ids: tuple[int, ...]
    samples: tuple[Sample, ...]  # (n,), at least one

    @property
    def n(self) -> int:
        """How many samples."""
        return len(self.samples)

    @property
    def correct(self) -> int:
        """How many samples are right."""
        return sum(each.correct for each in self.samples)

    @property
    def pass_rate(self) -> float:
        """Share of samples that are right: this problem's pass@1."""
        return self.correct / self.n

    @property
    def solved(self) -> bool:
        """Whether more than half of the samples are right."""
        return 2 * self.correct > self.n

    @property
    def majority(self) -> Sample | None:
        """The first sample with the most frequent answer; of equally frequent answers, the one
        seen first. Samples without a readable answer don't vote."""
        votes = Counter(each.vote for each in self.samples if each.vote is not None)
        if not votes:
            return None
        most = max(votes.values())
        return self.samples[min(vote for vote, count in votes.items() if count == most)]

    @property
    def boxed_rate(self) -> float:
        r"""Share of samples whose answer stands in a \boxed{}."""
        return sum(each.boxed for each in self.samples) / self.n

    @property
    def truncated_rate(self) -> float:
        """Share of samples that reached the limit of new tokens, whatever their verdict."""
        return sum(each.stop_reason is StopReason.LENGTH for each in self.samples) / self.n

    @property
    def unparseable_rate(self) -> float:
        """Share of samples without a readable answer."""
        return sum(each.verdict is Verdict.UNPARSEABLE for each in self.samples) / self.n

    @property
    def mean_length(self) -> float:
        """Mean length of the completions, in tokens."""
        return sum(len(each.token_ids) for each in self.samples) / self.n

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict; equal records give equal dicts, keys in the same order."""
        return {"schema_version": SCHEMA_VERSION, **_ADAPTER.dump_python(self, mode="json")}

    @staticmethod
    def from_json(data: Any) -> ProblemSamples:
        """Read what `to_json` wrote.

        Raises:
            FileError: of a newer version, or not a record.
        """
        remedy = "Run the evaluation again, or open another copy of its results."
        with reading_record(data, "evaluation record", remedy):
            record = _ADAPTER.validate_python(data)
            votes = {each.vote for each in record.samples} - {None}
            if not record.samples or not votes <= set(range(record.n)):
                raise ValueError("samples or votes are missing")
        return record


def has_samples(count: int) -> Callable[[ProblemSamples], bool]:
    """A test whether a problem has all of its samples."""
    return lambda record: record.n == count


_ADAPTER = TypeAdapter(ProblemSamples)
