"""What an evaluation keeps of one problem: every sampled chain, and what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from core.errors import FileError
from core.records import SCHEMA_VERSION, StopReason, Verdict, check_schema_version, first_fault


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

    @property
    def correct(self) -> bool:
        """Whether the answer is right."""
        return self.verdict is Verdict.CORRECT


@dataclass(frozen=True)
class ProblemSamples:
    """One problem's chains, in the order of their sample numbers."""

    problem_id: str
    family: str | None  # None: the problem names none
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
        """The first sample with the answer that most samples give. Of answers that equally many
        give, the one seen first; samples without an answer that can be read don't vote."""
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
        """Share of samples without an answer that can be read."""
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
        check_schema_version(data, "evaluation record", FileError)
        try:
            record = _ADAPTER.validate_python(data)
        except ValidationError as error:
            raise _damaged(first_fault(error)) from error
        votes = {each.vote for each in record.samples} - {None}
        if not record.samples or not votes <= set(range(record.n)):
            raise _damaged("samples or votes are missing")
        return record


def has_samples(count: int) -> Callable[[ProblemSamples], bool]:
    """A test whether a problem has all of its samples."""
    return lambda record: record.n == count


def _damaged(how: str) -> FileError:
    return FileError(
        f"This evaluation record is damaged ({how}).",
        "Run the evaluation again, or open another copy of its results.",
    )


_ADAPTER = TypeAdapter(ProblemSamples)
