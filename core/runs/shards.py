"""Shards: one run's problems, divided among runs that know nothing of each other.

A shard is a run of some of the problems: every number-th group of those that are decoded together,
so that its chains are those of the whole run. `core.runs.merging` puts the whole run together.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.errors import RunError
from core.records import Problem
from core.system.json_text import json_text

if TYPE_CHECKING:
    from core.runs.config import RunPlan
    from core.runs.kind import RunKind

MOST = 100_000
"""The most shards of a run."""

_T = TypeVar("_T")


class Shard(BaseModel):
    """Which part of which whole a run is; stands in its config."""

    model_config = ConfigDict(frozen=True)

    number: int = Field(ge=1, le=MOST)
    of: int = Field(ge=1, le=MOST)
    group: int = Field(ge=1)  # problems that are decoded together
    problems: int = Field(ge=1)  # of the whole
    digest: str  # of the whole's problems

    @model_validator(mode="after")
    def _number_is_one_of_them(self) -> Shard:
        if self.number > self.of:
            raise ValueError("a shard beyond the last one")
        return self

    @property
    def name(self) -> str:
        """Such as "2/4"."""
        return f"{self.number}/{self.of}"

    @property
    def words(self) -> str:
        """Such as "shard 2 of 4"."""
        return f"shard {self.number} of {self.of}"

    @property
    def needed(self) -> range:
        """The numbers of the shards that have problems."""
        return range(1, min(self.of, _groups(self.problems, self.group)) + 1)


def read_shard(text: str) -> tuple[int, int]:
    """The number of a shard and the number of shards, from "2/4".

    Raises:
        RunError: it is written otherwise, or out of range.
    """
    found = re.fullmatch(r"\s*([0-9]{1,6})\s*/\s*([0-9]{1,6})\s*", text, flags=re.ASCII)
    number, of = (int(each) for each in found.groups()) if found else (0, 0)
    if not 1 <= number <= of <= MOST:
        raise RunError(
            f"{text!r} is not a shard.",
            f"Write I/N, such as 2/4 for the second of four; N is at most {MOST:,}.",
        )
    return number, of


def sharded(kind: RunKind[Any, Any], plan: RunPlan, number: int, of: int) -> RunPlan:
    """The plan of one shard of a run.

    Args:
        kind: of the run.
        plan: of the whole run.
        number: which shard, from 1.
        of: how many shards there are.

    Raises:
        RunError: the units of such a run aren't independent, or the shard would be empty.
    """
    check_divisible(kind)
    units = kind.units_of(plan.settings)
    assert units is not None
    group = units.problems_together
    shard = Shard(
        number=number,
        of=of,
        group=group,
        problems=len(plan.problems),
        digest=problems_digest(plan.problems),
    )
    if number not in shard.needed:
        count = len(shard.needed)
        raise RunError(
            f"Shard {number} of {of} would be empty: the {len(plan.problems):,} problems are "
            f"{count:,} group{'s' * (count != 1)} of up to {group:,} that are decoded together.",
            f"Use at most {count:,} shards. `runs merge` doesn't ask for empty ones.",
        )
    return replace(plan, problems=part(plan.problems, number, of, group), shard=shard)


def check_divisible(kind: RunKind[Any, Any]) -> None:
    """Check that shards or workers can have the units of a kind of run.

    Raises:
        RunError: they build on each other.
    """
    if not kind.is_divisible:
        raise RunError(
            f"A run of {kind.name} can't be divided: its steps build on each other.",
            "Leave --shard and --ray out.",
        )


def part(whole: Sequence[_T], number: int, of: int, group: int) -> list[_T]:
    """The part of a shard: every `of`-th group, from the `number`-th (from 1) on."""
    starts = range((number - 1) * group, len(whole), of * group)
    return [each for start in starts for each in whole[start : start + group]]


def joined(parts: Sequence[Sequence[_T]], group: int) -> list[_T]:
    """The whole, of the parts of all shards in order."""
    rounds = zip_longest(*(_cut(each, group) for each in parts), fillvalue=())
    return [each for groups in rounds for found in groups for each in found]


def problems_digest(problems: Sequence[Problem]) -> str:
    """A hash of everything about a set of problems."""
    text = json_text([asdict(each) for each in problems], ascii_only=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _cut(parts: Sequence[_T], group: int) -> Iterator[Sequence[_T]]:
    return (parts[start : start + group] for start in range(0, len(parts), group))


def _groups(problems: int, group: int) -> int:
    return -(-problems // group)
