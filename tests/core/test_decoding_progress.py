"""Steps of a batch, done and to come, counted by hand; and the pace they were done at."""

from __future__ import annotations

import itertools

import pytest
from models import tiny_language_model

from core.chains.decoding_progress import DecodingProgress, StepPace
from core.chains.generation import Fork, fork, generate
from core.records import Chain, Problem, Sampler


def followed(expected: list[int], most: list[int], batch_size: int) -> DecodingProgress:
    """Progress by a clock that moves one second at every question."""
    seconds = itertools.count()
    return DecodingProgress(expected, most, 9, batch_size, clock=lambda: float(next(seconds)))


def test_rows_at_once_take_as_many_steps_as_the_longest() -> None:
    assert followed([3, 8, 5], [20] * 3, batch_size=3).total == 8


def test_a_row_that_waits_takes_the_slot_of_the_first_that_ends() -> None:
    # Rows of 3 and 8; the row of 7 begins after 3 steps, and ends after 10.
    assert followed([3, 8, 7], [20] * 3, batch_size=2).total == 10


def test_the_prompt_is_read_before_the_first_step() -> None:
    progress = followed([4], [4], 1)
    assert (progress.reading, progress.reads, progress.step) == (True, 9, 0)
    progress()
    assert (progress.reading, progress.step) == (True, 0)
    progress()
    assert (progress.reading, progress.step) == (False, 1)


def test_rows_that_end_early_shorten_the_rest_and_later_ones_lengthen_it() -> None:
    progress = followed([10, 10], [40, 40], batch_size=2)
    for _ in range(5):
        progress()
    progress.ended(0, 4)
    assert progress.total == 10
    for _ in range(7):
        progress()
    assert progress.step == 11
    assert 11 < progress.total <= 40, "it is longer than expected"
    progress.ended(1, 11)
    assert progress.total == progress.step == 11


def test_tokens_a_second_leave_the_reading_of_the_prompt_out() -> None:
    progress = followed([50, 50], [50, 50], 2)
    for _ in range(12):
        progress()
    assert progress.tokens_a_second == pytest.approx(2.0)  # two rows, one step a second


def test_the_pace_tells_how_long_other_work_will_take() -> None:
    pace = StepPace()
    for _ in range(10):
        pace.add(1, 0.1)
        pace.add(4, 0.2)
    # Four rows of 30 tokens at once: 30 steps of 0.2 s. One row: 30 of 0.1 s.
    assert pace.forecast([30] * 4, 4) == pytest.approx(6.0)
    assert pace.forecast([30], 4) == pytest.approx(3.0)
    assert pace.forecast([30] * 64, 64) is None, "no batch nearly as wide was decoded"
    assert StepPace().forecast([30], 1) is None


def test_it_counts_the_steps_of_the_decode_loop_itself() -> None:
    lm = tiny_language_model(seed=1)
    (chain,) = generate(lm, [Problem("p", "Ann saws")], Sampler(max_new_tokens=12), [0])
    forks = [Fork(position, 5) for position in (1, 4)]
    progress = DecodingProgress([11, 8], [11, 8], 0, 64)

    def on_chain(index: int, made: Chain) -> None:
        progress.ended(index, len(made) - forks[index].position)

    made = fork(lm, chain, forks, on_chain=on_chain, cancel=progress)
    longest = max(len(m) - f.position for m, f in zip(made, forks, strict=True))
    assert progress.step == progress.total == longest
    assert progress.finished == 2
    assert progress.tokens == sum(len(m) - f.position for m, f in zip(made, forks, strict=True))
