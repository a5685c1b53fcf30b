"""The pace of counted work, and a time left that doesn't jump about: for runs and short tasks."""

from __future__ import annotations

from math import exp

_HORIZON = 0.2  # share of the work after which an old pace weighs a third
_BAND = (0.87, 1.15)  # between these multiples of the time that was expected, it counts down
_FEW_REPORTS, _SMALL_SHARE = 3, 0.1  # of the work to do: less says nothing of the pace
_SLACK = 1.5  # seconds by which it may be off besides


class Pace:
    """Seconds per unit of work, in which late units weigh more than early ones.

    It is measured from the last report before the first finished unit, so that a wait before the
    work, such as for a model to load, is not part of it.
    """

    def __init__(self) -> None:
        self._last: tuple[float, float] | None = None  # done, and when
        self._total: float | None = None
        self._work = self._seconds = 0.0  # decayed sums
        self._reports = 0.0  # decayed
        self._first = 0.0  # done before the work
        self._evidence = 0  # reports with finished units

    def report(self, done: float, total: float | None, now: float) -> None:
        """Take the state of the work.

        Args:
            done: units done; fewer than before begin a new measurement.
            total: units in all, if known.
            now: seconds, on any clock that only goes forward.
        """
        self._total = total
        if self._last is None or done < self._last[0]:
            self._work = self._seconds = self._reports = 0.0
            self._first, self._evidence = done, 0
            self._last = (done, now)
            return
        made = done - self._last[0]
        if made <= 0:
            if self._work == 0:  # nothing is done yet: the work begins here
                self._last = (done, now)
            return
        fades = exp(-made / (_HORIZON * total)) if total else 1.0
        self._work = fades * self._work + made
        self._seconds = fades * self._seconds + now - self._last[1]
        self._reports = fades * self._reports + 1
        self._evidence += 1
        self._last = (done, now)

    @property
    def per_unit(self) -> float | None:
        """Seconds that a unit takes; None before the second report."""
        return self._seconds / self._work if self._work > 0 else None

    @property
    def step(self) -> float:
        """Units that come with one report."""
        return self._work / self._reports if self._reports > 0 else 0.0

    def left(self, now: float) -> tuple[float, float] | None:
        """Seconds left, and what will be left after the next report if that comes in time; None
        while too little is done to say."""
        each = self.per_unit
        if each is None or self._total is None or self._last is None:
            return None
        done, at = self._last
        little = done - self._first < _SMALL_SHARE * (self._total - self._first)
        if little and self._evidence < _FEW_REPORTS:
            return None
        units = max(self._total - done, 0.0)
        least = max(units - self.step, 0.0) * each
        return max(units * each - (now - at), least), least


class Countdown:
    """A time left as it is shown: it counts down by the clock while estimates agree with it, and
    jumps to the estimate when they no longer do. It waits at what the next estimate should be."""

    def __init__(self) -> None:
        self._shown: tuple[float, float, float] | None = None  # left, the least of it, and when

    def set(self, left: float, least: float, now: float) -> None:
        """Take a new estimate.

        Args:
            left: seconds left at the moment `now`.
            least: seconds below which it doesn't count down before the next estimate.
            now: on any clock that only goes forward.
        """
        expected = self.seconds(now)
        if expected is not None and left > 0:
            low, high = _BAND[0] * expected - _SLACK, _BAND[1] * expected + _SLACK
            if low <= left <= high and expected > 0:
                least, left = least * min(expected / left, 1.0), expected
        self._shown = (left, min(least, left), now)

    def clear(self) -> None:
        """Forget it: nothing is known any more."""
        self._shown = None

    def seconds(self, now: float) -> float | None:
        """Seconds left; None while unknown."""
        if self._shown is None:
            return None
        left, least, at = self._shown
        return max(left - (now - at), least)

    @property
    def least(self) -> float | None:
        """Seconds at which it waits for the next estimate."""
        return None if self._shown is None else self._shown[1]


def about(seconds: float) -> str:
    """A time left as people say it: "a few seconds", "about 40 s", "about 2 min", "about 1 h"."""
    if seconds < 4:
        return "a few seconds"
    if seconds < 20:
        return f"about {max(5 * round(seconds / 5), 5)} s"
    if seconds < 55:
        return f"about {10 * round(seconds / 10)} s"
    minutes = max(round(seconds / 60), 1)
    if minutes >= 20:
        minutes = 5 * round(minutes / 5)
    if minutes < 60:
        return f"about {minutes} min"
    hours, rest = divmod(30 * round(seconds / 1800), 60)
    return f"about {hours} h" + (f" {rest} min" if rest and hours < 10 else "")


def time_left(seconds: float) -> str:
    """The same, as the end of a line of progress: "about 40 s left"."""
    return f"{about(seconds)} left"
