"""The record of one problem in a comparison: the base's chain, and each teacher's view of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from core.disagreement.token_classes import TokenClass, classes_of
from core.records import SCHEMA_VERSION, StopReason, Verdict
from core.runs.result_files import reading_record


@dataclass(frozen=True)
class TeacherView:
    """A teacher's predictions along a chain's T tokens."""

    argmax: tuple[int, ...]  # (T,) token ids
    base_rank: tuple[int, ...]  # (T,) of these ids in the base's order
    js_divergence: tuple[float, ...]  # (T,) nats
    # None in records of earlier versions:
    entropy: tuple[float, ...] | None = None  # (T,) nats, the teacher's
    overlap: tuple[int, ...] | None = None  # (T,) tokens in the top 5 of both


@dataclass(frozen=True)
class ComparedChain:
    """One problem's greedy chain by the base, or by the teacher, and every teacher's view of it."""

    problem_id: str
    prompt_ids: tuple[int, ...]
    token_ids: tuple[int, ...]  # (T,) completion, the end-of-sequence token included
    stop_reason: StopReason
    answer: str | None
    verdict: Verdict
    entropy: tuple[float, ...]  # (T,) nats, the base's
    argmax: tuple[int, ...]  # (T,) the base's token ids
    views: tuple[TeacherView, ...]  # one a teacher, in the run's order

    def classes(self, teacher: int) -> list[TokenClass]:
        """The class of each token, for the teacher of that index."""
        view = self.views[teacher]
        return classes_of(self.argmax, view.argmax, view.base_rank)

    def changes(self, teacher: int) -> list[int]:
        """Positions where the teacher of that index prefers another token."""
        return [
            position
            for position, each in enumerate(self.classes(teacher))
            if each is not TokenClass.UNSHIFTED
        ]

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict; equal records give equal dicts, keys in the same order."""
        return {"schema_version": SCHEMA_VERSION, **_ADAPTER.dump_python(self, mode="json")}

    @staticmethod
    def from_json(data: Any) -> ComparedChain:
        """Read what `to_json` wrote.

        Raises:
            FileError: of a newer version, or not a record.
        """
        remedy = "Resume the run, which compares the problem again."
        with reading_record(data, "comparison record", remedy):
            record = _ADAPTER.validate_python(data)
            columns = [record.entropy, record.argmax]
            for view in record.views:
                columns += [view.argmax, view.base_rank, view.js_divergence]
                columns += [each for each in (view.entropy, view.overlap) if each is not None]
            if any(len(column) != len(record.token_ids) for column in columns):
                raise ValueError("its columns differ in length")
        return record


_ADAPTER = TypeAdapter(ComparedChain)
