"""How far the decoding of a batch of chains is: in steps, of which about how many."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from core.runs.decoding_speed import DecodingSpeed, batch_seconds

_COUNTED = 64  # times that the steps of a batch are counted again
_LONGER = 1.2  # times its tokens so far: what a chain that is longer than expected may reach


class DecodingProgress:
    """Follows one batch: as `cancel` and with the chains that are complete.

    The decode loop asks `cancel` before every step, so that counting its questions counts steps,
    at no cost. A batch has as many steps as its rows need when each takes the slot of one that
    ended; a row's tokens are known when it ends, and expected until then.

    Args:
        expected: tokens that each row will probably get, in order.
        most: tokens that each row can get.
        reads: tokens of the prompt, read before the first step.
        batch_size: most rows at once.
        cancel: also asked.
    """

    def __init__(
        self,
        expected: Sequence[int],
        most: Sequence[int],
        reads: int,
        batch_size: int,
        cancel: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.reads, self.rows = reads, len(expected)
        self.finished = 0  # rows
        self.tokens = 0  # of all rows together
        self.pace = StepPace()
        self._expected = [min(max(each, 1), top) for each, top in zip(expected, most, strict=True)]
        self._most = list(most)
        self._ended: dict[int, int] = {}  # tokens of the rows that are complete
        self._batch_size, self._cancel, self._clock = batch_size, cancel, clock
        self._asked = 0
        self._active = 0  # rows of the step that was begun last
        self._last: float | None = None  # when the latest step began
        self._begun: float | None = None  # when the first step ended
        self.total = self._steps()

    def __call__(self) -> bool:
        """Whether to cancel; counts a step."""
        now = self._clock()
        self._asked += 1
        if self._asked > 1 and self._active:
            self.tokens += self._active
            if self._begun is None:
                self._begun = now
            elif self._last is not None:
                self.pace.add(self._active, now - self._last)
            if self.step >= self.total:
                self.total = self._steps()
        self._last = now
        self._active = min(self._batch_size, self.rows - self.finished)
        return self._cancel()

    def ended(self, index: int, tokens: int) -> None:
        """Take a row that is complete, with the number of tokens it got."""
        self._ended[index] = tokens
        self.finished = len(self._ended)
        every = max(self.rows // _COUNTED, 1)
        if self.finished % every == 0 or self.finished == self.rows:
            self.total = self._steps()

    @property
    def reading(self) -> bool:
        """Whether the prompt is being read, before the first token."""
        return self._asked <= 1

    @property
    def step(self) -> int:
        """Steps that are done."""
        return max(self._asked - 1, 0)

    @property
    def tokens_a_second(self) -> float | None:
        """Since the first step; None before the second."""
        if self._begun is None or self._last is None or self._last <= self._begun:
            return None
        return self.tokens * (self.step - 1) / self.step / (self._last - self._begun)

    def _steps(self) -> int:
        """Steps of the whole batch."""
        done = self.step
        typical = sum(self._ended.values()) / len(self._ended) if self._ended else 0.0
        lengths = []
        for index, (expected, most) in enumerate(zip(self._expected, self._most, strict=True)):
            length = self._ended.get(index)
            if length is None:
                length = min(max(expected, round(typical) if self._ended else 0), most)
                if index < self._batch_size and length <= done:  # here since the first step
                    length = min(max(round(done * _LONGER), done + 1), most)
            lengths.append(length)
        return max(round(batch_seconds(_ONE_STEP, lengths, 0, self._batch_size)), done)


@dataclass
class StepPace:
    """Seconds of decoding steps by the number of rows in them, as work has taken them here."""

    seconds: dict[int, float] = field(default_factory=dict)  # by rows: of all steps
    steps: dict[int, int] = field(default_factory=dict)  # by rows: how many

    def add(self, rows: int, seconds: float) -> None:
        """Take one step."""
        self.seconds[rows] = self.seconds.get(rows, 0.0) + seconds
        self.steps[rows] = self.steps.get(rows, 0) + 1

    def join(self, other: StepPace) -> None:
        """Take the steps of other work."""
        for rows, count in list(other.steps.items()):
            self.seconds[rows] = self.seconds.get(rows, 0.0) + other.seconds[rows]
            self.steps[rows] = self.steps.get(rows, 0) + count

    def speed(self) -> DecodingSpeed | None:
        """As a speed; None before the first step."""
        widths = tuple(sorted(self.steps))
        if not widths:
            return None
        took = tuple(max(self.seconds[each] / self.steps[each], 1e-6) for each in widths)
        return DecodingSpeed(widths, took, 0, 0.0, 0.0, 0.0)

    def forecast(self, lengths: Sequence[int], batch_size: int) -> float | None:
        """Seconds to decode rows of these lengths; None where no batch of a similar width was
        decoded yet."""
        speed = self.speed()
        width = min(len(lengths), batch_size)
        if speed is None or width > 4 * speed.widths[-1]:
            return None
        return batch_seconds(speed, lengths, 0, batch_size)


class _OneStep(DecodingSpeed):
    """Every step takes one unit, whatever its width."""

    def step(self, width: int, context: float) -> float:
        return 1.0


_ONE_STEP = _OneStep((1,), (1.0,), 0, 0.0, 0.0, 0.0)
