"""The settings of a comparison with teachers; importable without torch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from core.chains.prompting import RunPromptSettings
from core.decoding.settings import DEFAULT_BATCH_SIZE, BatchSize, Seed, Tau


class CompareSettings(RunPromptSettings):
    """How chains are made (greedily, as in the paper) and summed up."""

    along: Literal["base", "teacher"] = Field(
        "base",
        title="Along the chains of",
        description="Who writes the chains that both models read: the base, or the teacher "
        "(of one teacher only)",
    )
    tau: Tau = Field(1.2, description="For the share of the divergence above it")
    seed: Seed = Field(0, description="Of the sample of problems and of the bootstraps")
    batch_size: BatchSize = DEFAULT_BATCH_SIZE
