"""What a fine-tune costs: seconds, tokens, memory and dollars."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import torch


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
