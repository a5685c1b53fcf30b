"""The time left over all phases of a run, on a made-up clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.runs.estimate import PhaseEstimate, RunEstimate
from core.runs.time_left import TimeLeft


def estimate(**seconds: float) -> RunEstimate:
    return RunEstimate(tuple(PhaseEstimate(n, s, s, s, doing=n) for n, s in seconds.items()))


def test_without_an_estimate_the_pace_of_the_unit_decides() -> None:
    left = TimeLeft()
    assert left.seconds(0) is None
    left.report(10, 100, "counting", "problems", 0)
    assert left.seconds(5) is None
    left.report(20, 100, "counting", "problems", 10)
    assert left.seconds(10) == 80
    left.report(0, 5, "training", "steps", 11)
    assert left.seconds(11) is None, "another unit"


def test_before_any_work_the_whole_estimate_is_left() -> None:
    left = TimeLeft(estimate(rollouts=60, training=120))
    assert left.seconds(0) == 180
    left.report(0, None, "loading the model", "problems", 1)
    assert left.seconds(5) == 180


def test_work_at_the_estimated_pace_leaves_the_rest_of_the_estimate() -> None:
    left = TimeLeft(estimate(rollouts=60, training=120))
    left.report(0, 100, "rollouts", "problems", 0)
    for done in range(1, 101):
        left.report(done, 100, "rollouts", "problems", 0.6 * done)
        assert left.seconds(0.6 * done) == pytest.approx(180 - 0.6 * done)
    left.report(0, 10, "training", "steps", 60)
    assert left.seconds(60) == pytest.approx(120)
    left.report(2.5, 10, "training", "steps", 90)
    assert left.seconds(90) == pytest.approx(90), "a part of a step counts"


def test_a_phase_twice_as_long_stretches_those_after_it() -> None:
    left = TimeLeft(estimate(rollouts=60, training=120))
    left.report(0, 100, "rollouts", "problems", 0)
    left.report(100, 100, "rollouts", "problems", 120)
    # 120 s instead of 60, beside a tenth of the whole estimate (18 s) that counts as it is
    assert left.seconds(120) == pytest.approx(120 * (120 + 18) / (60 + 18))


def test_a_phase_comes_to_its_own_pace() -> None:
    left = TimeLeft(estimate(rollouts=60))
    left.report(0, 100, "rollouts", "problems", 0)
    left.report(90, 100, "rollouts", "problems", 180)  # 2 s each
    assert left.seconds(180) == pytest.approx(20, rel=0.1)


def test_what_an_earlier_start_has_done_is_not_left() -> None:
    left = TimeLeft(estimate(rollouts=60, training=120))
    left.report(10, 20, "training", "steps", 0)
    assert left.seconds(0) == pytest.approx(60)
    left.report(15, 20, "training", "steps", 30)
    assert left.seconds(30) == pytest.approx(30)


def test_nothing_is_left_at_the_end_and_time_runs_before_the_first_result() -> None:
    left = TimeLeft(estimate(rollouts=60))
    left.report(0, 4, "rollouts", "problems", 0)
    assert left.seconds(20) == pytest.approx(40)
    assert left.seconds(500) == pytest.approx(15), "never nothing before anything is done"
    left.report(4, 4, "rollouts", "problems", 600)
    assert left.seconds(600) == 0


def test_phases_that_one_report_covers_are_one() -> None:
    phases = (PhaseEstimate("chains", 10, 10, 10, "decoding"),
              PhaseEstimate("single tokens", 30, 30, 30, "decoding"))  # fmt: skip
    left = TimeLeft(RunEstimate(phases))
    left.report(0, 8, "decoding", "problems", 0)
    left.report(2, 8, "decoding", "problems", 10)
    assert left.seconds(10) == pytest.approx(30)


@given(st.lists(st.floats(0.01, 50), min_size=1, max_size=40), st.floats(1, 1000))
def test_the_time_left_is_never_negative_and_ends_at_nothing(
    steps: list[float], foreseen: float
) -> None:
    left, now = TimeLeft(estimate(work=foreseen, more=foreseen)), 0.0
    for what in ("work", "more"):
        for done in range(len(steps)):
            left.report(done, len(steps), what, "steps", now)
            now += steps[done]
            found = left.seconds(now)
            assert found is not None
            assert found >= 0
        left.report(len(steps), len(steps), what, "steps", now)
    assert left.seconds(now) == 0
