"""What is decoded, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.records import StopReason, TokenStatistics


@dataclass(frozen=True)
class Row:
    """A chain to continue. Positions count completion tokens from 0."""

    prompt_ids: tuple[int, ...]
    completion_ids: tuple[int, ...] = ()  # kept from an earlier chain
    forced: Mapping[int, int] = field(default_factory=dict)  # position -> token id
    seed: int = 0


@dataclass(frozen=True)
class Decoded:
    """The N new tokens of a row, from position `start` on."""

    start: int
    token_ids: tuple[int, ...]  # (N,)
    statistics: TokenStatistics  # (N,)
    forced: tuple[bool, ...]  # (N,) forced by the row or substituted by its rule
    stop_reason: StopReason
    replaced: Mapping[int, int]  # forced position -> the token the model would have chosen
