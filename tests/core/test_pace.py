"""The pace of counted work, its time left, and shares of work that is planned on the way."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.runs.pace import Countdown, Pace, about, time_left
from core.runs.planned_share import PlannedShare
from core.runs.time_left import TimeLeft

RECORDED = Path(__file__).parents[1] / "data" / "stored_runs"
RUNS = sorted(each.name for each in RECORDED.iterdir() if (each / "progress.jsonl").exists())


def shown(times: list[float], total: int, looks: int = 5) -> list[tuple[float, float]]:
    """(moment, seconds left) of work whose units are finished at these times, looked at some times
    between any two of them, as a page does."""
    pace, countdown, found = Pace(), Countdown(), []
    pace.report(0, total, 0.0)
    for done, (last, now) in enumerate(pairwise([0.0, *times]), start=1):
        for look in range(looks):
            moment = last + (now - last) * look / looks
            seconds = countdown.seconds(moment)
            if seconds is not None:
                found.append((moment, seconds))
        pace.report(done, total, now)
        left = pace.left(now)
        if left is not None:
            countdown.set(*left, now)
            found.append((now, left[0] if (s := countdown.seconds(now)) is None else s))
    return found


@given(st.floats(0.01, 100), st.integers(2, 60))
def test_at_a_constant_pace_the_time_left_never_rises_and_is_true(each: float, units: int) -> None:
    found = shown([each * (i + 1) for i in range(units)], units)
    for (_, earlier), (_, later) in pairwise(found):
        assert later <= earlier + 1e-6 * each
    for now, left in found:
        assert left == pytest.approx(each * units - now, rel=1e-6, abs=1e-6 * each)


@given(
    st.floats(0.1, 20),
    st.floats(1 / 3, 3),
    st.integers(20, 60),
)
def test_after_a_change_of_pace_the_time_left_comes_to_the_truth(
    each: float, factor: float, units: int
) -> None:
    half = units // 2
    times = [each * (i + 1) for i in range(half)]
    times += [each * (half + factor * (i + 1)) for i in range(units - half)]
    for now, left in shown(times, units):
        truth = times[-1] - now
        if now >= times[half + (units - half) * 2 // 3]:
            assert abs(left - truth) <= 0.5 * truth + factor * each + 2
        if now >= times[-2]:
            assert abs(left - truth) <= factor * each + 2


@given(st.lists(st.floats(0.05, 10), min_size=3, max_size=60))
def test_whatever_the_pace_nothing_is_negative_and_the_end_is_zero(steps: list[float]) -> None:
    times, now = [], 0.0
    for step in steps:
        now += step
        times.append(now)
    found = shown(times, len(steps))
    assert min(left for _, left in found) >= 0
    assert found[-1][1] == 0


def test_noise_in_the_pace_doesnt_make_the_time_left_jump() -> None:
    times, now = [], 0.0
    for i in range(40):
        now += 1.0 + (0.2 if i % 2 else -0.2)
        times.append(now)
    rises = [b - a for (_, a), (_, b) in pairwise(shown(times, 40)) if b > a + 1e-9]
    assert rises == []


def test_a_wait_before_the_work_is_no_part_of_the_pace() -> None:
    pace = Pace()
    pace.report(0, 10, 0)
    pace.report(0, 10, 300)  # the model is loaded
    pace.report(1, 10, 302)
    assert pace.per_unit == 2
    assert pace.left(302) == (18, 16)


def test_a_few_percent_of_the_work_in_one_go_say_nothing_of_the_pace() -> None:
    pace = Pace()
    pace.report(0, 100, 0)
    for done in (1, 2):
        pace.report(done, 100, done)
        assert pace.left(done) is None
    pace.report(3, 100, 3)
    assert pace.left(3) == (97, 96)


def test_until_the_next_report_it_counts_down_and_then_waits() -> None:
    countdown = Countdown()
    countdown.set(20, 16, 100)
    assert [countdown.seconds(100 + s) for s in (0, 3, 4, 60)] == [20, 17, 16, 16]
    assert countdown.least == 16


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "a few seconds"),
        (3.9, "a few seconds"),
        (6, "about 5 s"),
        (17, "about 15 s"),
        (38, "about 40 s"),
        (57, "about 1 min"),
        (100, "about 2 min"),
        (722, "about 12 min"),
        (2600, "about 45 min"),
        (3500, "about 1 h"),
        (5300, "about 1 h 30 min"),
        (86_400, "about 24 h"),
    ],
)
def test_a_time_left_is_rounded_as_people_say_it(seconds: float, words: str) -> None:
    assert about(seconds) == words
    assert time_left(seconds) == f"{words} left"


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_more_time_is_never_said_as_less(one: float, other: float) -> None:
    def spoken(seconds: float) -> float:
        words = about(seconds).removeprefix("about ").replace("a few seconds", "0 s").split()
        units = {"s": 1, "min": 60, "h": 3600}
        return sum(float(n) * units[u] for n, u in zip(words[::2], words[1::2], strict=True))

    low, high = sorted((one, other))
    assert spoken(low) <= spoken(high)
    assert spoken(high) == pytest.approx(high, rel=0.3, abs=4.1)


def test_a_new_plan_never_takes_back_what_is_done() -> None:
    """As a study of interventions was recorded: 8 rows, of which the sweep made 49."""
    share = PlannedShare()
    assert share.of(8, 32) == 0.25
    assert share.of(8, 56) == 0.25, "more is planned: what is done counts as before"
    assert share.of(32, 56) == 0.25 + 0.75 / 2
    assert share.of(32, 40) == 0.25 + 0.75 / 2
    assert share.of(40, 40) == 1


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50)), min_size=1, max_size=40),
)
def test_a_planned_share_only_rises_and_ends_at_all(steps: list[tuple[int, int]]) -> None:
    share, done, found = PlannedShare(), 0, [0.0]
    for made, more in steps:
        done += made
        found.append(share.of(done, done + more))
    assert found == sorted(found)
    assert found[-1] <= 1
    assume(done > 0)
    assert share.of(done, done) == 1


@pytest.mark.parametrize("name", RUNS)
def test_recorded_progress_is_followed_without_a_rise(name: str) -> None:
    """The reports of real runs: the time left of a phase only falls, but where its pace has
    fallen by more than an eighth."""
    lines = (RECORDED / name / "progress.jsonl").read_text().splitlines()
    events = [each for each in map(json.loads, lines) if each["event"] == "progress"]
    left, before = TimeLeft(), None
    highest: dict[str, float] = {}
    for each in events:
        now = each["elapsed"]
        # A run of today reports no less than before within a phase: see PlannedShare.
        highest[each["what"]] = done = max(highest.get(each["what"], 0.0), each["done"])
        left.report(done, each.get("total"), each["what"], each["unit"], now)
        seconds = left.seconds(now)
        if seconds is not None and before is not None and before[0] == each["what"]:
            expected = before[2] - (now - before[1])
            assert seconds <= max(expected, 0) * 1.15 + 1.6 or done < before[3] + 1
        if seconds is not None:
            before = (each["what"], now, seconds, done)
