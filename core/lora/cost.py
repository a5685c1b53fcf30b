"""What a training run costs: seconds, tokens, memory and dollars."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch

from core.evaluation.records import ProblemSamples
from core.lora.examples import TokenExample, token_count
from core.runs.run import Run

if TYPE_CHECKING:
    from core.runs.context import RunContext


@dataclass(frozen=True)
class Cost:
    """Of one run, over all its starts."""

    seconds: dict[str, float]  # by phase, in order
    sampled_tokens: int  # of rollouts and evaluations
    trained_tokens: int  # of prompts and completions, counted in every epoch
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

    @property
    def phases_in_words(self) -> str:
        """The seconds of every phase, in one line."""
        return ", ".join(f"{phase} {took:.0f} s" for phase, took in self.seconds.items())

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict, with the totals."""
        return {**asdict(self), "total_seconds": self.total_seconds, "usd": self.usd}


def cost_of(
    run: Run,
    sampled: Iterable[ProblemSamples],
    examples: Sequence[TokenExample],
    *,
    epochs: float,
    device: torch.device,
    usd_per_hour: float,
) -> Cost:
    """The cost of a run that has ended its last phase.

    Args:
        sampled: all records of its rollouts and evaluations.
        examples: what was trained on.
        epochs: how often.
        device: of the process that trained, or measured last.
        usd_per_hour: what the machine costs.
    """
    return Cost(
        seconds=phase_seconds(run),
        sampled_tokens=sum(len(s.token_ids) for each in sampled for s in each.samples),
        trained_tokens=round(token_count(examples) * epochs),
        peak_memory_bytes=peak_memory_bytes(device),
        usd_per_hour=usd_per_hour,
    )


def peak_memory_bytes(device: torch.device) -> int:
    """Peak memory of this process: on the GPU if `device` is one, else in main memory."""
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
    """Note the end of a phase; only the first time counts.

    Raises:
        ResourceError: the disk is full or can't be written.
    """
    if _CLOCK + phase not in work.finished:
        work.keep(_CLOCK + phase, work.elapsed)
        work.finished[_CLOCK + phase] = work.elapsed


def add_earlier(work: RunContext, phase: str, seconds: float) -> None:
    """Note the seconds that another run has spent on what this run copied from it.

    Raises:
        ResourceError: the disk is full or can't be written.
    """
    work.keep(_EARLIER + phase, seconds)


def phase_seconds(run: Run) -> dict[str, float]:
    """Seconds by phase, in order; phases copied from another run come first."""
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
    """Seconds that the rollouts of a run took, be it a run of rollouts or a fine-tune."""
    phases = phase_seconds(run)
    if phases:
        return sum(value for name, value in phases.items() if name.startswith("rollouts"))
    return run.status().elapsed or 0.0
