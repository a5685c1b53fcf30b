"""What a run will take: seconds of each of its phases, with a range, known before it starts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

LONG = 3600.0
"""Seconds from which a run is called long, with a warning."""


@dataclass(frozen=True)
class PhaseEstimate:
    """One phase of a run."""

    name: str  # "rollouts"
    seconds: float
    low: float  # of the range in which the truth is expected
    high: float
    doing: str = ""  # begins the run's progress reports of the phase; "" if it reports none
    setting: str = ""  # the setting that shortens it most, by its dotted name


@dataclass(frozen=True)
class RunEstimate:
    """All phases of a run, in order."""

    phases: tuple[PhaseEstimate, ...]

    @property
    def seconds(self) -> float:
        """Of the whole run."""
        return sum(each.seconds for each in self.phases)

    @property
    def low(self) -> float:
        """The lower end of the range. Phases that are short together are rare: the distances from
        the expected seconds add like those of independent phases."""
        away: float = sum((each.seconds - each.low) ** 2 for each in self.phases) ** 0.5
        return max(self.seconds - away, 0.0)

    @property
    def high(self) -> float:
        """The upper end, likewise."""
        away: float = sum((each.high - each.seconds) ** 2 for each in self.phases) ** 0.5
        return self.seconds + away

    @property
    def is_long(self) -> bool:
        """Whether it is expected to take more than an hour."""
        return self.seconds > LONG

    @property
    def setting(self) -> str:
        """The setting that shortens the longest phase most."""
        named = [each for each in self.phases if each.setting]
        return max(named, key=lambda each: each.seconds).setting if named else ""

    @property
    def words(self) -> str:
        """In one line: "about 6 min (4-9): rollouts 3 min, training 2 min, evaluation 1 min"."""
        by_name: dict[str, float] = {}
        for each in self.phases:
            by_name[each.name] = by_name.get(each.name, 0.0) + each.seconds
        shown = {name: took for name, took in by_name.items() if took >= 0.01 * self.seconds}
        whole = f"about {duration(self.seconds)} ({_range(self.low, self.high)})"
        if len(shown) < 2:
            return whole
        return f"{whole}: " + ", ".join(f"{name} {duration(took)}" for name, took in shown.items())

    @property
    def warning(self) -> str | None:
        """What to lower, for a run that takes long."""
        if not self.is_long:
            return None
        remedy = f"Lower {self.setting}, which shortens it most." if self.setting else ""
        return f"This takes more than an hour. {remedy}".strip()

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict."""
        return {
            "seconds": self.seconds,
            "low": self.low,
            "high": self.high,
            "setting": self.setting,
            "phases": [asdict(each) for each in self.phases],
        }

    @classmethod
    def from_json(cls, data: Any) -> RunEstimate | None:
        """Read what `to_json` wrote; None where it can't be read."""
        try:
            return cls(_PHASES.validate_python(data["phases"]))
        except (KeyError, TypeError, ValidationError):
            return None


def phase(
    name: str,
    seconds: float,
    spread: float,
    *,
    doing: str = "",
    setting: str = "",
    bounds: tuple[float, float] | None = None,
) -> PhaseEstimate:
    """A phase whose truth may be `1 + spread` times as long, or as short.

    Args:
        bounds: seconds if the amount of work is the least and the most that is likely.
    """
    least, most = bounds or (seconds, seconds)
    low, high = min(least, seconds) / (1 + spread), max(most, seconds) * (1 + spread)
    return PhaseEstimate(name, seconds, low, high, doing, setting)


def merged(phases: Iterable[PhaseEstimate]) -> RunEstimate:
    """An estimate of phases that are there: those of no work are left out."""
    return RunEstimate(tuple(each for each in phases if each.seconds > 0))


def duration(seconds: float) -> str:
    """Seconds in words: 45 s, 3 min, 2 h 5 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _range(low: float, high: float) -> str:
    """Two durations, with the unit once where both have it: "4-9", "50 s-2 min"."""
    ends = [duration(low).split(" "), duration(high).split(" ")]
    if len(ends[0]) == len(ends[1]) == 2 and ends[0][1] == ends[1][1]:
        return f"{ends[0][0]}-{ends[1][0]}"
    return f"{' '.join(ends[0])}-{' '.join(ends[1])}"


_PHASES: TypeAdapter[tuple[PhaseEstimate, ...]] = TypeAdapter(tuple[PhaseEstimate, ...])
