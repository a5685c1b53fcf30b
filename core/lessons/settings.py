"""The settings of a lesson; importable without torch."""

from __future__ import annotations

from pydantic import Field

from core.chains.prompting import RunPromptSettings
from core.decoding.settings import DEFAULT_BATCH_SIZE, BatchSize, Seed, Tau
from core.records import ForkTemperature


class LessonSettings(RunPromptSettings):
    """How the lesson's chains are made and its figures measured."""

    sample: int = Field(
        24,
        ge=1,
        le=1000,
        title="Problems",
        description="Number of the problems, drawn by the seed, from which chains are chosen and "
        "on which forks are compared with random tokens",
    )
    tau: Tau = Field(ForkTemperature.tau, description="A token above it is a fork")
    samples: int = Field(
        16,
        ge=2,
        title="Samples per alternative",
        description="Continuations with which it is tested that a fork decides nothing",
    )
    seed: Seed = 0
    batch_size: BatchSize = DEFAULT_BATCH_SIZE
