"""What a fine-tune costs: seconds, tokens, memory and dollars."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from core.runs.run import Run

if TYPE_CHECKING:
    from core.runs.context import RunContext


@dataclass(frozen=True)
class Cost:
    """Of one fine-tune, over all its starts."""

    seconds: dict[str, float]  # by phase: rollouts, before, training, after
    sampled_tokens: int  # rollouts, and both evaluations
    trained_tokens: int  # prompts and completions, each time they were seen
    peak_memory_bytes: int  # of the process that finished it, on its device
    usd_per_hour: float

    @property
    def total_seconds(self) -> float:
        """All phases."""
        return sum(self.seconds.values())

    @property
    def usd(self) -> float:
        """Dollars at the rate that was set."""
        return self.total_seconds / 3600 * self.usd_per_hour


def peak_memory_bytes(device: torch.device) -> int:
    """Most memory that this process ever held: of the GPU where it uses one, else of its own."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


_CLOCK, _EARLIER = "clock/", "earlier/"


def mark_end(work: RunContext, phase: str) -> None:
    """A phase has ended; only the first time counts.

    Raises:
        ResourceError: the disk is full or can't be written.
    """
    if _CLOCK + phase not in work.finished:
        work.keep(_CLOCK + phase, work.elapsed)
        work.finished[_CLOCK + phase] = work.elapsed


def add_earlier(work: RunContext, phase: str, seconds: float) -> None:
    """What was taken from another run took that run so long.

    Raises:
        ResourceError: the disk is full or can't be written.
    """
    work.keep(_EARLIER + phase, seconds)


def phase_seconds(run: Run) -> dict[str, float]:
    """Seconds by phase, in order; what another run has done for this one comes first."""
    units = run.units()
    seconds = {
        f"{key.removeprefix(_EARLIER)}, in an earlier run": float(took)
        for key, took in units.items()
        if key.startswith(_EARLIER)
    }
    begin = 0.0
    for key, end in units.items():
        if key.startswith(_CLOCK):
            seconds[key.removeprefix(_CLOCK)] = float(end) - begin
            begin = float(end)
    return seconds


def rollout_seconds(run: Run) -> float:
    """How long the rollouts of a run took, which was made for them or for a fine-tune."""
    phases = phase_seconds(run)
    if phases:
        return sum(value for name, value in phases.items() if name.startswith("rollouts"))
    return run.status().elapsed or 0.0
