"""How fast a model decodes on this machine: measured with the decode loop itself, in seconds.

Nothing is assumed about the loop but that it asks `cancel` before every step: the moments at which
it asks are the measurement.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from core.decoding.loop import Row, decode
from core.records import Sampler

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

_SHORT, _LONG = 32, 224  # tokens of the prompts that are decoded from
_WIDTHS = (1, 8, 64)
_STEPS = 6  # of each width
_ENOUGH = 0.8  # seconds of steps of a width, after which no more are measured
_SLOW = 4.0  # seconds of a step from which no wider batch is begun

Clock = Callable[[], float]


class MeasuringCancelledError(Exception):
    """Raised by a measurement that was cancelled."""


@dataclass(frozen=True)
class DecodingSpeed:
    """Seconds of a decoding step by the width of the batch, and of a prefill by its tokens."""

    widths: tuple[int, ...]  # rows, ascending
    steps: tuple[float, ...]  # seconds of a step of so many rows, with a context of `context`
    context: int  # positions
    row_position: float  # seconds more, for each row and position of a longer context
    forward: float  # seconds of a prefill that don't depend on its tokens
    token: float  # seconds of a prefill for each token

    def step(self, width: int, context: float) -> float:
        """Seconds of a step.

        Args:
            width: rows.
            context: positions of the longest of them.
        """
        found = float(np.interp(width, self.widths, self.steps))
        if width > self.widths[-1]:  # as every further row of the widest batch took
            found += (width - self.widths[-1]) * self.last_row
        return max(found + width * (context - self.context) * self.row_position, found / 2)

    @property
    def last_row(self) -> float:
        """Seconds that one more row adds to the step of the widest batch."""
        if len(self.widths) == 1:
            return self.steps[0]
        return max(self.steps[-1] - self.steps[-2], 0) / (self.widths[-1] - self.widths[-2])

    def prefill(self, tokens: float, passes: int = 1) -> float:
        """Seconds to read tokens in some forward passes."""
        return passes * self.forward + tokens * self.token

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> DecodingSpeed:
        """Read what `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: it can't be read.
        """
        widths, steps = tuple(map(int, data["widths"])), tuple(map(float, data["steps"]))
        if not widths or len(widths) != len(steps) or min(steps) <= 0:
            raise ValueError("no steps")
        rest = (float(data[name]) for name in ("row_position", "forward", "token"))
        return cls(widths, steps, int(data["context"]), *rest)


class StepClock:
    """A `cancel` for `decode` that notes when it is asked, and ends the work after a while.

    Args:
        cancel: also ends it.
        seconds: limit of the steps after the first, of which there is one at least.
        clock: the time.
    """

    def __init__(
        self,
        cancel: Callable[[], bool] = lambda: False,
        seconds: float = float("inf"),
        clock: Clock = time.perf_counter,
    ) -> None:
        self._cancel, self._limit, self._clock = cancel, seconds, clock
        self.moments: list[float] = []

    def __call__(self) -> bool:
        self.moments.append(self._clock())
        at = self.moments
        return self._cancel() or (len(at) > 2 and at[-1] - at[1] > self._limit)

    @property
    def steps(self) -> list[float]:
        """Seconds of every step; the first contains the prefill."""
        ends = self.moments[1:]
        return [end - begin for begin, end in zip(self.moments, ends, strict=False)]


def measure_decoding(
    lm: LanguageModel,
    cancel: Callable[[], bool] = lambda: False,
    clock: Clock = time.perf_counter,
) -> DecodingSpeed:
    """Measure a model in a few seconds, on random tokens.

    Raises:
        MeasuringCancelledError: `cancel` returned True.
        ModelError, ResourceError: as `decode`.
    """
    endless = replace(lm, eos_ids=frozenset())
    room = lm.context_length - _STEPS - 2
    short, long = min(_SHORT, max(room // 4, 1)), min(_LONG, max(room, 2))

    def timed(width: int, context: int) -> tuple[float, float]:
        """Seconds of the prefill, and of a step."""
        watch = StepClock(cancel, _ENOUGH, clock)
        prompt = tuple(1 + (7 * i) % (lm.vocab_size - 1) for i in range(context))
        sampler = Sampler(max_new_tokens=_STEPS + 1)
        decode(endless, [Row(prompt)] * width, sampler, k=1, batch_size=width, cancel=watch)
        if cancel() or not watch.steps:
            raise MeasuringCancelledError
        first, *others = watch.steps
        step = median(others) if others else first
        return max(first - step, 0.0), step

    timed(1, short)  # the first pass allocates
    measured: dict[int, tuple[float, float]] = {}
    for width in _WIDTHS:
        measured[width] = timed(width, short)
        if measured[width][1] > _SLOW:
            break
    widest = max(measured)
    long_prefill, long_step = timed(widest, long)
    prefill = median(each[0] for each in measured.values())
    token = max(long_prefill - prefill, 1e-9) / (long - short)
    return DecodingSpeed(
        widths=tuple(measured),
        steps=tuple(each[1] for each in measured.values()),
        context=short,
        row_position=max(long_step - measured[widest][1], 0.0) / (widest * (long - short)),
        forward=max(prefill - short * token, 0.0),
        token=token,
    )


def batch_seconds(
    speed: DecodingSpeed, lengths: Sequence[int], context: float, batch_size: int
) -> float:
    """Seconds that the decode loop steps: rows join when a slot is free, and leave at their ends.

    Args:
        lengths: tokens of every row, in their order.
        context: tokens of their prompts.
        batch_size: most rows at once.
    """
    waiting = deque(length for length in lengths if length > 0)
    ends: list[int] = []  # a heap of the steps at which the active rows end
    starts: dict[int, int] = {}  # how many of the active rows end there -> the first one's start
    at, seconds = 0, 0.0
    while waiting or ends:
        while waiting and len(ends) < batch_size:
            end = at + waiting.popleft()
            heapq.heappush(ends, end)
            starts.setdefault(end, at)
        until, longest = ends[0], at - min(starts.values())
        steps = until - at
        seconds += steps * speed.step(len(ends), context + longest + steps / 2)
        at = until
        while ends and ends[0] == at:
            heapq.heappop(ends)
        starts.pop(at, None)
    return seconds
