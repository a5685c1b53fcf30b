"""What a teacher sets for a class; importable without torch."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from core.system.setting import Unit


class ClassSettings(BaseModel):
    """Seats, and limits a person. The teacher has neither a seat nor limits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seats: int = Field(20, ge=1, le=500, title="Seats", description="Most students at once")
    idle_minutes: Annotated[int, Unit("minutes")] = Field(
        45,
        ge=1,
        le=1440,
        title="Idle",
        description="After so long without a click a seat is free for another student",
    )
    tokens_a_minute: int = Field(
        20_000,
        ge=100,
        title="Tokens a minute",
        description="Of a student's chains, on average over five minutes",
    )
    tokens_in_all: int = Field(
        2_000_000, ge=100, title="Tokens in all", description="Of a student's chains in this class"
    )
    runs_at_once: int = Field(
        1, ge=0, le=100, title="Runs at once", description="Of a student; 0: students start none"
    )
    disk: Annotated[int, Unit("MB")] = Field(
        200, ge=1, title="Disk", description="For a student's sessions and runs, in MB"
    )
