"""A whole kind of run in one file: the length of every question, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import BaseModel, Field

from core.errors import FileError, ProblemError
from core.records import Problem
from core.runs.kind import Cancel, Kind, ProgressCallback, RunModels
from core.runs.run import Run


class LengthSettings(BaseModel):
    longest: int = Field(50, ge=1)  # words


@dataclass(frozen=True)
class Length:
    problem_id: str
    words: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> Length:
        if not isinstance(data, dict) or data.keys() != {"problem_id", "words"}:
            raise FileError("This is no length.", "Measure it again.")
        return cls(**data)


@dataclass(frozen=True)
class MeanLength:
    n: int
    mean: float

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def to_rows(self) -> list[dict[str, Any]]:
        return [asdict(self)]

    @classmethod
    def from_json(cls, data: Any) -> MeanLength:
        return cls(**data)


def check(models: RunModels, problems: Sequence[Problem], settings: LengthSettings) -> None:
    for problem in problems:
        if len(problem.question.split()) > settings.longest:
            raise ProblemError(f"{problem.id} is too long.", "Raise the limit.")


def solve(
    models: RunModels,
    problems: Sequence[Problem],
    settings: LengthSettings,
    cancel: Cancel,
    on_progress: ProgressCallback,
) -> list[Length] | None:
    found = []
    for problem in problems:
        if cancel():
            return None
        found.append(Length(problem.id, len(problem.question.split())))
        on_progress(len(found), len(problems))
    return found


def summarise(run: Run, records: Sequence[Length], finished: bool) -> MeanLength:
    return MeanLength(len(records), sum(each.words for each in records) / len(records))


LENGTHS = Kind(
    name="lengths",
    settings=LengthSettings,
    record=Length,
    results=MeanLength,
    doing="counting words",
    belonging="problems",
    check=check,
    solve=solve,
    complete=lambda run: lambda record: record.words > 0,
    summarise=summarise,
    estimate=None,
)
