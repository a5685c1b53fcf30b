"""What a run is estimated to take: made-up speeds and clocks, and seconds counted by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from models import tiny_language_model
from toy_kind import LENGTHS

from core.chains import pilot as pilots
from core.chains.chain_time import sampling_seconds
from core.chains.pilot import Pilot, PilotChain, pilot_chains
from core.chains.prompting import RunPromptSettings
from core.errors import ExplorerError
from core.evaluation.estimate import estimate_evaluation
from core.evaluation.settings import EvaluationSettings
from core.interventions.estimate import estimate_interventions
from core.interventions.settings import InterventionSettings
from core.kinds import KINDS
from core.lessons.estimate import estimate_lesson
from core.lessons.settings import LessonSettings
from core.lora.step_speed import StepSpeed
from core.models.language_model import LanguageModel
from core.models.spec import ModelSpec
from core.reasonmaxxer.estimate import estimate_rollouts, mixed_shares
from core.reasonmaxxer.recipe import recipe_of
from core.records import Problem, Sampler
from core.runs import decoding_speed
from core.runs.config import RunPlan
from core.runs.decoding_speed import (
    DecodingSpeed,
    MeasuringCancelledError,
    StepClock,
    batch_seconds,
    measure_decoding,
)
from core.runs.estimate import PhaseEstimate, RunEstimate, duration, phase
from core.runs.kind import RunKind
from core.runs.measurements import Meter, NotMeasuredError
from core.runs.models import model_fields
from core.runs.run import Run

SPEED = DecodingSpeed((1, 4), (1.0, 4.0), context=10, row_position=0.0, forward=0.0, token=0.5)
"""A step takes a second a row."""

PROBLEMS = [Problem(f"p{i}", f"{i} and {i}?", str(2 * i), source="made up") for i in range(32)]


def pilot(lengths: Sequence[int], *, right: int = 0, **other: Any) -> Pilot:
    chains = tuple(
        (PilotChain(length, False, i < right, tuple(float(-n) for n in range(length))),)
        for i, length in enumerate(lengths)
    )
    known = {"prefill_token": 0.5, "factor": 1.0, "judging": 0.0, "max_new_tokens": 256}
    return Pilot(shared=2, prompts=(10,) * len(chains), chains=chains, **(known | other))


def never() -> LanguageModel:
    raise AssertionError("nothing may be loaded")


class KnownMeter(Meter):
    """A meter that knows a speed and a pilot, and loads nothing."""

    def __init__(self, found: Pilot, speed: DecodingSpeed = SPEED) -> None:
        super().__init__(ModelSpec(), never, may_measure=False)
        self._pilot, self._speed = found, speed

    decoding = property(lambda self: self._speed)  # type: ignore[assignment]
    loading = property(lambda self: 3.0)  # type: ignore[assignment]

    def known(self, what: str, about: Any, read: Any, measure: Any) -> Any:
        assert what == "chains"
        return self._pilot


def plan(count: int) -> RunPlan:
    return RunPlan({}, model_fields(ModelSpec()), 0, problems=PROBLEMS[:count])


# Words.


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0 s"),
        (45, "45 s"),
        (89, "89 s"),
        (90, "2 min"),
        (3600, "60 min"),
        (7500, "2 h 5 min"),
    ],
)
def test_a_duration_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_an_estimate_in_one_line_and_as_json() -> None:
    found = RunEstimate(
        (
            PhaseEstimate("loading", 1, 1, 2),
            PhaseEstimate("rollouts", 180, 120, 240, "1 of 4: rollouts", "rollouts.samples"),
            PhaseEstimate("training", 120, 90, 240, "3 of 4: training", "selection.max_problems"),
        )
    )
    assert found.seconds == 301
    assert found.low == pytest.approx(301 - (60**2 + 30**2) ** 0.5)
    assert found.high == pytest.approx(301 + (1 + 60**2 + 120**2) ** 0.5)
    assert found.words == "about 5 min (4-7): rollouts 3 min, training 2 min"
    assert (found.setting, found.warning) == ("rollouts.samples", None)
    assert RunEstimate.from_json(json.loads(json.dumps(found.to_json()))) == found


@pytest.mark.parametrize("data", [None, 5, {}, {"phases": 3}, {"phases": [{"name": "x"}]}])
def test_a_damaged_estimate_of_a_run_is_none(data: Any) -> None:
    assert RunEstimate.from_json(data) is None


def test_an_estimate_of_hours_names_the_setting_that_shortens_the_longest_phase() -> None:
    phases = (phase("rollouts", 3000, 0.2, setting="rollouts.samples"),
              phase("training", 700, 0.2, setting="selection.max_problems"))  # fmt: skip
    warning = RunEstimate(phases).warning
    assert warning is not None
    assert warning.startswith("This takes more than an hour. Lower rollouts.samples,")
    assert RunEstimate(phases[:1]).warning is None


# Speed.


def test_a_step_is_interpolated_by_width_and_grows_with_the_context() -> None:
    speed = replace(SPEED, row_position=0.01)
    assert speed.step(1, 10) == 1
    assert speed.step(2, 10) == pytest.approx(2)
    assert speed.step(6, 10) == pytest.approx(6), "as the last measured rows"
    assert speed.step(2, 20) == pytest.approx(2 + 2 * 10 * 0.01)
    assert speed.prefill(8, passes=3) == 4


def test_rows_join_when_a_slot_is_free() -> None:
    # 3 steps of two rows, then 1 + 2: the second row ends at 3, the third takes its slot.
    assert batch_seconds(SPEED, [5, 3, 4], 10, batch_size=2) == 3 * 2 + 2 * 2 + 2 * 1
    assert batch_seconds(SPEED, [5, 3, 4], 10, batch_size=8) == 3 * 3 + 1 * 2 + 1 * 1
    assert batch_seconds(SPEED, [5, 3, 4], 10, batch_size=1) == 12
    assert batch_seconds(SPEED, [], 10, batch_size=2) == 0


@given(st.lists(st.integers(1, 40), max_size=30), st.integers(1, 9))
def test_with_a_second_a_row_the_batch_never_matters(lengths: list[int], batch: int) -> None:
    flat = DecodingSpeed((1, 64), (1.0, 64.0), 10, 0.0, 0.0, 0.0)
    assert batch_seconds(flat, lengths, 10, batch) == pytest.approx(sum(lengths))


def test_the_clock_of_steps_notes_when_decoding_asks_and_ends_it_after_its_limit() -> None:
    now = iter([0.0, 5.0, 6.0, 7.5, 9.0])
    watch = StepClock(seconds=2.4, clock=lambda: next(now))
    assert [watch() for _ in range(4)] == [False, False, False, True]
    assert watch.steps == [5.0, 1.0, 1.5]


def test_decoding_is_measured_by_the_loop_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A made-up loop: .1 s and .01 s a token for a prompt, 1 s + .5 s a row for a step, and
    .001 s for each position and row beyond 32."""
    clock = [0.0]

    def decode(
        lm: Any, rows: Any, sampler: Sampler, *, cancel: Callable[[], bool], **_: Any
    ) -> None:
        context = len(rows[0].prompt_ids)
        cancel()
        clock[0] += 0.1 + 0.01 * context
        for _ in range(sampler.max_new_tokens):
            clock[0] += 1 + 0.5 * len(rows) + 0.001 * len(rows) * (context - 32)
            if cancel():
                return

    monkeypatch.setattr(decoding_speed, "decode", decode)
    lm = replace(tiny_language_model(), context_length=4096)
    found = measure_decoding(lm, clock=lambda: clock[0])
    assert found.widths == (1, 8), "a step of 64 would take 33 s: one of 8 takes 5"
    assert found.steps == pytest.approx((1.5, 5.0))
    assert found.token == pytest.approx(0.01)
    assert found.forward == pytest.approx(0.1)
    assert found.row_position == pytest.approx(0.001)
    assert DecodingSpeed.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_a_cancelled_measurement_ends_and_keeps_nothing(tmp_path: Path) -> None:
    lm = tiny_language_model()
    meter = Meter(lm.spec, lambda: lm, cancel=lambda: True, folder=tmp_path)
    with pytest.raises(MeasuringCancelledError):
        _ = meter.decoding
    assert list(tmp_path.glob("decoding*")) == []


# What is kept.


def test_a_measurement_is_made_once_for_a_model_and_known_to_others(tmp_path: Path) -> None:
    calls = []

    def measure() -> dict[str, int]:
        calls.append(1)
        return {"value": 7}

    def read(data: Any) -> int:
        return int(data["value"])

    def meter(spec: ModelSpec, *, may: bool = True) -> Meter:
        return Meter(spec, never, may_measure=may, folder=tmp_path)

    with pytest.raises(NotMeasuredError):
        meter(ModelSpec(), may=False).known("x", None, read, measure)
    assert meter(ModelSpec()).known("x", None, read, measure) == 7
    assert meter(ModelSpec(), may=False).known("x", None, read, measure) == 7
    assert len(calls) == 1
    for other in (ModelSpec(dtype="bfloat16"), ModelSpec(adapter="demo-teacher")):
        with pytest.raises(NotMeasuredError):
            meter(other, may=False).known("x", None, read, measure)
    with pytest.raises(NotMeasuredError):
        meter(ModelSpec(), may=False).known("x", "other", read, measure)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"other": 1}', '{"value": "x"}'])
def test_a_damaged_measurement_is_made_again(tmp_path: Path, text: str) -> None:
    meter = Meter(ModelSpec(), never, folder=tmp_path)
    meter.known("x", None, lambda data: int(data["value"]), lambda: {"value": 1})
    (file,) = tmp_path.iterdir()
    file.write_text(text)
    assert meter.known("x", None, lambda data: int(data["value"]), lambda: {"value": 2}) == 2


# Work.


def test_chains_are_read_decoded_and_judged_unit_by_unit() -> None:
    found = pilot([4, 6], judging=0.1, factor=1.5)
    # 32 problems are two units of 16, each with 2 shared tokens and 16 x 8 others at .5 s, and 16
    # rows of 5 tokens on average at 1 s a row and step, 1.5 times as long as measured.
    unit = (2 + 16 * 8) * 0.5 + 16 * 5 * 1.5 + 16 * 0.1
    assert sampling_seconds(SPEED, found, 32, 1, 64) == pytest.approx(2 * unit)
    assert sampling_seconds(SPEED, found, 0, 1, 64) == 0


def test_a_chain_cut_by_the_pilot_is_as_long_as_such_chains_are() -> None:
    ended = PilotChain(20, False, True, ())
    cut = PilotChain(20, True, False, ())
    found = replace(pilot([1]), prompts=(10, 10), chains=((ended,), (cut,)), max_new_tokens=10_000)
    assert found.lengths == [20, 20 + 40], "40 tokens for one end"
    assert replace(found, max_new_tokens=25).lengths[1] == 20 + 5


def test_an_evaluation_takes_what_its_parts_take() -> None:
    settings = EvaluationSettings(samples=3, temperature=0.5)
    found = estimate_evaluation(KnownMeter(pilot([5, 5])), plan(16), settings, "sampling")
    assert [each.name for each in found.phases] == ["loading", "sampling"]
    assert found.phases[0].seconds == 3
    assert found.phases[1].seconds == pytest.approx((2 + 16 * 8) * 0.5 + 48 * 5)
    assert found.phases[1].doing == "sampling"
    assert found.low < found.seconds < found.high


def test_a_limit_that_most_chains_reach_is_what_to_lower() -> None:
    settings = EvaluationSettings(samples=2, max_new_tokens=5)
    found = estimate_evaluation(
        KnownMeter(pilot([5, 5], max_new_tokens=5)), plan(16), settings, "sampling"
    )
    assert found.setting == "max_new_tokens"


def test_interventions_depend_on_the_share_of_wrong_chains() -> None:
    settings = InterventionSettings(arms=("base_only",), positions=2, alternatives=3)

    def swept(right: int) -> PhaseEstimate | None:
        meter = KnownMeter(pilot([8] * 16, right=right, prefill_token=0.0))
        phases = estimate_interventions(meter, plan(16), settings, "decoding").phases
        return next((each for each in phases if each.name == "single tokens"), None)

    # Entropies fall, so the two strongest forks are at 0 and 1: rows of 8 and 7 tokens, two each.
    a_chain = 2 * 8 + 2 * 7
    none_right, half_right = swept(0), swept(8)
    assert none_right is not None
    assert half_right is not None
    assert none_right.seconds == pytest.approx(16 * a_chain * 16.5 / 17)
    assert half_right.seconds == pytest.approx(16 * a_chain * 0.5)
    assert half_right.low < half_right.seconds / 1.2, "the share is known from 16 chains only"
    assert half_right.high > half_right.seconds * 1.2


def test_a_lesson_takes_its_chains_their_forks_the_study_and_the_samples() -> None:
    meter, settings = KnownMeter(pilot([8] * 4)), LessonSettings(sample=4, samples=2)
    chains, control, decisions = estimate_lesson(meter, PROBLEMS[:4], settings).phases
    own = (2 + 4 * 8) * 0.5 + 4 * 8  # prompts are read, and the chains written
    a_chain = 3 * 4 * 4  # three forks, four other tokens, half a chain left
    assert chains.seconds == pytest.approx(own + 3 * a_chain)
    assert chains.low < (own + a_chain) / 1.19
    assert chains.high > (own + 4 * a_chain) * 1.19, "all chains may have to be tried"
    study = {"positions": 5, "arms": ("base_only", "base_only_control")}
    asked = InterventionSettings.model_validate(study)
    phases = estimate_interventions(meter, plan(4), asked, "").phases
    assert control.seconds == pytest.approx(sum(e.seconds for e in phases if e.name != "loading"))
    assert decisions.seconds == pytest.approx(2 * 5 * 2 * 4)
    assert decisions.low == 0, "there may be no fork that decides nothing"


def test_rollouts_are_drawn_once_a_problem_and_sample() -> None:
    recipe = recipe_of("demo")
    found = estimate_rollouts(KnownMeter(pilot([5, 5])), plan(16), recipe, "sampling")
    assert found.phases[1].seconds == pytest.approx((2 + 16 * 8) * 0.5 + 16 * 8 * 5)


def test_a_step_counts_what_rollouts_share_once_and_fills_its_micro_batches() -> None:
    speed = StepSpeed((100, 200), (1.0, 2.0), True, SPEED)
    # 8 rollouts of 50 own tokens behind 40 shared ones: one micro-batch of 440 tokens.
    assert speed.step(40, 50, 90, batch=1, accumulation=8) == pytest.approx(4.4)
    # 16 rollouts of 100: (1024 - 24) / 100 fit into one, so two of 824 tokens each.
    assert speed.step(24, 100, 124, batch=1, accumulation=16) == pytest.approx(2 * 8.24)
    apart = replace(speed, shares=False)
    assert apart.step(40, 60, 100, batch=2, accumulation=4) == pytest.approx(4 * 2.0)


def test_the_share_of_mixed_problems_follows_the_pilot() -> None:
    always = mixed_shares([4] * 12, 4, 8)
    never_right = mixed_shares([0] * 12, 4, 8)
    torn = mixed_shares([2] * 12, 4, 8)
    some = mixed_shares([4, 0, 2, 0, 0, 1, 0, 4, 0, 0, 0, 3], 4, 8)
    assert always == pytest.approx(never_right)
    assert always[0] < 0.2
    assert torn[0] > 0.9
    assert some[0] == pytest.approx(0.45, abs=0.15), "a quarter is mixed in 4, more in 8"
    for expected, least, most in (always, torn, some):
        assert 0 <= least <= expected <= most <= 1


def test_more_rollouts_make_more_problems_mixed() -> None:
    right = [4, 0, 2, 0, 1, 3, 0, 0]
    assert (
        mixed_shares(right, 4, 4)[0] < mixed_shares(right, 4, 8)[0] < mixed_shares(right, 4, 64)[0]
    )


# Real decoding, of a tiny model.


def test_a_pilot_decodes_some_problems_and_is_known_afterwards(tmp_path: Path) -> None:
    lm = tiny_language_model()
    settings = RunPromptSettings(max_new_tokens=6, prompt_style="plain")
    how: dict[str, Any] = {"batch_size": 64, "seed": 0, "samples": 2}
    sampler = Sampler(temperature=1.0, max_new_tokens=6)
    meter = Meter(lm.spec, lambda: lm, folder=tmp_path)
    found = pilot_chains(meter, PROBLEMS, settings, sampler, **how)
    assert 8 <= len(found.chains) <= 32
    assert all(len(chains) == 2 for chains in found.chains)
    assert all(1 <= length <= 6 for length in found.lengths)
    assert found.prefill_token >= 0
    again = Meter(lm.spec, never, may_measure=False, folder=tmp_path)
    assert pilot_chains(again, PROBLEMS[3:20], settings, sampler, **how) == found, "one source"
    with pytest.raises(NotMeasuredError):
        pilot_chains(again, PROBLEMS, settings, replace(sampler, temperature=0.5), **how)
    with pytest.raises(NotMeasuredError):
        pilot_chains(again, [Problem("q", "Another?")], settings, sampler, **how)


def test_a_pilot_stays_within_its_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = replace(SPEED, steps=(0.1, 0.4), token=0.0)
    assert pilots._affordable(slow, 300, 1) == 8, "the fewest"
    fast = replace(SPEED, steps=(0.001, 0.004), token=0.0)
    assert pilots._affordable(fast, 300, 1) == 32, "the most"
    assert pilots._affordable(fast, 3, 1) == 3
    assert [each.id for each in pilots._spread(PROBLEMS, 4)] == ["p4", "p12", "p20", "p28"]


# Kinds.


@pytest.mark.parametrize("name", [n for n, e in KINDS.items() if e.place.startswith("core.")])
def test_every_kind_says_how_long_it_takes(name: str) -> None:
    kind: RunKind[Any, Any] = KINDS[name].load()
    assert kind.estimate is not None


def test_a_kind_may_say_nothing_but_must_say_that(tmp_path: Path) -> None:
    meter = Meter(ModelSpec(), never, folder=tmp_path)
    assert LENGTHS.estimate_of(plan(3), meter) is None
    with pytest.raises(TypeError, match="estimate"):
        type(LENGTHS)(**{key: value for key, value in vars(LENGTHS).items() if key != "estimate"})


def test_a_run_keeps_the_estimate_it_was_given(tmp_path: Path) -> None:
    found = RunEstimate((phase("sampling", 10, 0.2, doing="sampling"),))
    run = Run.create(tmp_path, "evaluate", replace(plan(2), estimate=found))
    assert RunEstimate.from_json(Run.open(run.folder).config.estimate) == found
    assert run.repeat(tmp_path).config.estimate is None, "it may be another machine"


def test_settings_that_can_t_be_are_said(tmp_path: Path) -> None:
    meter = Meter(ModelSpec(), never, folder=tmp_path)
    with pytest.raises(ExplorerError, match="A setting can't be used"):
        KINDS["evaluate"].load().estimate_of(replace(plan(2), settings={"samples": 0}), meter)
