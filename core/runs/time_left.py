"""The time that a run has left: its own pace, and what was estimated of the phases to come."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby

from core.runs.estimate import RunEstimate
from core.runs.pace import Countdown, Pace

_TRUST = 0.1  # share of the whole estimate whose seconds weigh as much as those that went by


@dataclass
class _Phase:
    """Phases that one progress text belongs to."""

    doing: str
    seconds: float  # estimated
    begun: float | None = None  # when its first report came
    first: float = 0.0  # share that was done then, by earlier starts
    share: float = 0.0  # done
    pace: Pace = field(default_factory=Pace)  # of the share


class TimeLeft:
    """Follows the reports of one start of a run.

    Without an estimate, the pace since the unit's first report decides. With one, a phase begins
    with its estimate and approaches its own pace as it proceeds; the estimates of later phases are
    stretched by as much as those before them were wrong. Between two reports it counts down, but
    not below what will be left after the next one.

    Args:
        estimate: of the run.
    """

    def __init__(self, estimate: RunEstimate | None = None) -> None:
        known = [each for each in (estimate.phases if estimate else ()) if each.doing]
        self._phases = [
            _Phase(doing, sum(each.seconds for each in together))
            for doing, together in groupby(known, lambda each: each.doing)
        ]
        self._before = sum(each.seconds for each in (estimate.phases if estimate else ()))
        self._before -= sum(each.seconds for each in self._phases)  # of loading
        self._begun: float | None = None  # when the first report came
        self._at: int | None = None  # the phase at work; None before the first
        self._pace, self._unit = Pace(), ""  # without an estimate
        self._countdown = Countdown()

    def report(self, done: float, total: float | None, what: str, unit: str, now: float) -> None:
        """Take a progress report.

        Args:
            done, total, what, unit: as `RunContext.report`.
            now: seconds, on any clock that only goes forward.
        """
        self._begun = now if self._begun is None else self._begun
        if self._phases:
            self._in_phase(min(done / total, 1.0) if total else 0.0, what, now)
            return
        if unit != self._unit:
            self._pace, self._unit = Pace(), unit
            self._countdown.clear()
        self._pace.report(done, total, now)
        left = self._pace.left(now)
        if left is None:
            self._countdown.clear()
        else:
            self._countdown.set(*left, now)

    def seconds(self, now: float) -> float | None:
        """Seconds left; None while unknown."""
        if self._phases and self._at is None:  # loading
            least = sum(each.seconds for each in self._phases)
            passed = 0.0 if self._begun is None else now - self._begun
            return least + max(self._before - passed, 0.0)
        return self._countdown.seconds(now)

    @property
    def least(self) -> float | None:
        """Seconds at which `seconds` waits for the next report."""
        if self._phases and self._at is None:
            return sum(each.seconds for each in self._phases)
        return self._countdown.least

    def _in_phase(self, share: float, what: str, now: float) -> None:
        fits = (i for i, each in enumerate(self._phases) if what.startswith(each.doing))
        at = next(fits, None)
        if at is None:  # such as loading another model
            return
        if self._at is None:  # what was shown while loading
            known = self.seconds(now) or 0.0
            self._countdown.set(known, known, now)
        self._at, phase = at, self._phases[at]
        if phase.begun is None or share <= phase.first:
            phase.begun, phase.first = now, share
        phase.share = share
        phase.pace.report(share, 1.0, now)
        self._countdown.set(*self._foreseen(now), now)

    def _foreseen(self, now: float) -> tuple[float, float]:
        """Seconds left at the moment of a report, and at the next one, if that comes in time."""
        assert self._at is not None
        stretch = self._stretch(now)
        current = self._phases[self._at]
        later = stretch * sum(each.seconds for each in self._phases[self._at + 1 :])
        made, left = current.share - current.first, 1 - current.share
        foreseen = current.seconds * left * stretch
        each = current.pace.per_unit
        if made <= 0 or each is None:  # nothing is done yet that would show its pace
            waited = now - (now if current.begun is None else current.begun)
            least = foreseen / 4
            return max(foreseen - waited, least) + later, least + later
        own = made * each * left + (1 - made) * foreseen
        after = max(left - current.pace.step, 0.0) / left if left > 0 else 0.0
        return own + later, own * after + later

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
