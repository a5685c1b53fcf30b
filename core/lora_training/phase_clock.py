"""How long each phase of a fine-tune took, over all its starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.runs.run import Run

if TYPE_CHECKING:
    from core.runs.work import Work

_CLOCK, _EARLIER = "clock/", "earlier/"


def mark_end(work: Work, phase: str) -> None:
    """A phase has ended; only the first time counts.

    Raises:
        ResourceError: the disk is full or can't be written.
    """
    if _CLOCK + phase not in work.finished:
        work.keep(_CLOCK + phase, work.elapsed)
        work.finished[_CLOCK + phase] = work.elapsed


def add_earlier(work: Work, phase: str, seconds: float) -> None:
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
