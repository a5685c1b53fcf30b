"""The settings of a table of words; importable without torch."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MinCount = Annotated[
    int,
    Field(
        ge=1,
        title="At least so often",
        description="Words that occur less often are left out",
    ),
]


class WordSettings(BaseModel):
    """Which words are shown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_count: MinCount = 10


MIN_COUNT: int = WordSettings().min_count
"""Occurrences below which a word is left out."""
