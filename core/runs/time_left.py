"""The time that a run has left: its own pace, and what was estimated of the phases to come."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from core.runs.estimate import RunEstimate

_TRUST = 0.1  # share of the whole estimate whose seconds weigh as much as those that went by


@dataclass
class _Phase:
    """Phases that one progress text belongs to."""

    doing: str
    seconds: float  # estimated
    begun: float | None = None  # when its first report came
    first: float = 0.0  # share that was done then, by earlier starts
    share: float = 0.0  # done


class TimeLeft:
    """Follows the reports of one start of a run.

    Without an estimate, the pace since the unit's first report decides. With one, a phase begins
    with its estimate and comes to its own pace as it goes on; the estimates of later phases are
    stretched by as much as those before them were wrong.

    Args:
        estimate: of the run.
    """

    def __init__(self, estimate: RunEstimate | None = None) -> None:
        known = [each for each in (estimate.phases if estimate else ()) if each.doing]
        self._phases = [
            _Phase(doing, sum(each.seconds for each in together))
            for doing, together in groupby(known, lambda each: each.doing)
        ]
        self._at: int | None = None  # the phase at work; None before the first
        self._from: tuple[float, float, str] | None = None  # where the pace is measured from
        self._done = 0.0
        self._total: float | None = None

    def report(self, done: float, total: float | None, what: str, unit: str, now: float) -> None:
        """Take a progress report.

        Args:
            done, total, what, unit: as `RunContext.report`.
            now: seconds, on any clock that only goes forward.
        """
        self._done, self._total = done, total
        if self._from is None or self._from[2] != unit or done <= self._from[0]:
            self._from = (done, now, unit)
        fits = (i for i, each in enumerate(self._phases) if what.startswith(each.doing))
        at = next(fits, None)
        if at is None:  # such as loading a model
            return
        self._at, phase = at, self._phases[at]
        share = min(done / total, 1.0) if total else 0.0
        if phase.begun is None or share <= phase.first:
            phase.begun, phase.first = now, share
        phase.share = share

    def seconds(self, now: float) -> float | None:
        """Seconds left; None while unknown."""
        if not self._phases:
            return self._by_pace(now)
        if self._at is None:
            return sum(each.seconds for each in self._phases)
        stretch = self._stretch(now)
        current = self._phases[self._at]
        later = sum(each.seconds for each in self._phases[self._at + 1 :])
        return self._of_phase(current, now, stretch) + stretch * later

    def _of_phase(self, phase: _Phase, now: float, stretch: float) -> float:
        made, left = phase.share - phase.first, 1 - phase.share
        foreseen = phase.seconds * left * stretch
        if phase.begun is None:
            return foreseen
        if made <= 0:  # nothing is done yet that would show its pace
            return max(foreseen - (now - phase.begun), foreseen / 4)
        by_pace = (now - phase.begun) / made * left
        return made * by_pace + (1 - made) * foreseen

    def _stretch(self, now: float) -> float:
        """How many times as long as estimated the work so far has taken."""
        assert self._at is not None
        took = foreseen = _TRUST * sum(each.seconds for each in self._phases)
        begun = [each for each in self._phases[: self._at + 1] if each.begun is not None]
        for phase, after in zip(begun, [*begun[1:], None], strict=True):
            assert phase.begun is not None
            until = now if after is None or after.begun is None else after.begun
            made = (phase.share if after is None else 1.0) - phase.first
            if made > 0:
                took += until - phase.begun
                foreseen += made * phase.seconds
        return took / foreseen if foreseen > 0 else 1.0

    def _by_pace(self, now: float) -> float | None:
        if self._from is None or self._total is None or self._done <= self._from[0]:
            return None
        pace = (now - self._from[1]) / (self._done - self._from[0])
        return max(0.0, self._total - self._done) * pace
