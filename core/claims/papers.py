"""The papers whose findings are checked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Paper:
    """A paper on arXiv."""

    arxiv: str  # its id
    title: str
    short: str  # how people call it

    @property
    def address(self) -> str:
        """Of its abstract."""
        return f"https://arxiv.org/abs/{self.arxiv}"


REASONMAXXER = Paper(
    "2605.06241",
    "Rethinking RL for LLM Reasoning: It's Sparse Policy Selection, Not Capability Learning",
    "ReasonMaxxer",
)
EIGHTY_TWENTY = Paper("2506.01939", "Beyond the 80/20 Rule", "80/20")
SPARSE_BUT_CRITICAL = Paper(
    "2603.22446",
    "Sparse but Critical: A Token-Level Analysis of Distributional Shifts in RLVR Fine-Tuning of "
    "LLMs",
    "Sparse but Critical",
)
