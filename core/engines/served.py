"""A served engine as a run's config keeps it: where it is, and what it is; importable without
torch."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from core.errors import RunError


class Score(StrEnum):
    """Whose tokens the own model reads again, for their entropies."""

    NEVER = "never"  # only the answers count
    GATED = "gated"  # chains of problems with both correct and wrong ones, which training gates
    ALL = "all"


class ServedEngine(BaseModel):
    """A server that samples chains for a run."""

    model_config = ConfigDict(frozen=True)

    url: str  # without /v1 and without a key
    model: str  # the server's own name of the model, or of an adapter
    server: str = ""  # what kind, as it says itself: "vllm", "sglang"
    version: str | None = None
    context_length: int | None = Field(None, ge=1)  # tokens
    score: Score = Score.ALL

    @property
    def kind(self) -> str:
        """Such as "vllm 0.32.0"."""
        return " ".join(filter(None, (self.server or "a server", self.version)))

    @property
    def words(self) -> str:
        """Such as "vllm 0.32.0, model smollm2, scored: all"."""
        return f"{self.kind}, model {self.model}, scored: {self.score}"


def score_of(asked: Score | None, *, keeps_entropy: bool) -> Score:
    """Which chains are scored: as asked, else all where entropies are kept and none elsewhere.

    Raises:
        RunError: entropies are kept and none is asked for, or the other way round.
    """
    if asked is None:
        return Score.ALL if keeps_entropy else Score.NEVER
    if keeps_entropy and asked is Score.NEVER:
        raise RunError(
            "This run keeps the entropies of its tokens, and the score never computes none.",
            "Take the score all or gated, or a run that keeps no entropies.",
        )
    if not keeps_entropy and asked is not Score.NEVER:
        raise RunError(
            "Only the answers of this run are counted, so there is nothing to score.",
            "Leave the score out, or keep the entropies (keep_entropy).",
        )
    return asked
