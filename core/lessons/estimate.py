"""How long a lesson takes to prepare, before it is begun."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.chains.chain_time import sampling_seconds, sampling_spread
from core.chains.pilot import Pilot, greedy_pilot
from core.interventions.estimate import estimate_interventions
from core.interventions.task import plan_interventions
from core.lessons.chains import FORKS_TRIED
from core.lessons.measuring import CONTROL_ARMS, TUNING_ARMS, arms_settings
from core.lessons.preparing import PARTS, lesson_problems
from core.lessons.settings import LessonSettings
from core.records import DEFAULT_ALTERNATIVES, Problem
from core.runs.decoding_speed import batch_seconds
from core.runs.estimate import PhaseEstimate, RunEstimate, merged, phase

if TYPE_CHECKING:
    from core.runs.measurements import Meter

_CHAINS_TRIED = 3
"""Chains whose forks are tried until one matters and one doesn't, where it takes no longer."""


def estimate_lesson(
    meter: Meter, problems: Sequence[Problem], settings: LessonSettings, teacher: str = ""
) -> RunEstimate:
    """The parts of a lesson: seconds of each, with a range.

    Args:
        meter: of the model.
        problems: of which the settings take a sample.
        teacher: the trained model; "" for none.

    Raises:
        NotMeasuredError, MeasuringCancelledError: as `greedy_pilot`.
        ProblemError, PromptError, ModelError, ResourceError: as the lesson.
    """
    drawn = lesson_problems(problems, settings)
    pilot = greedy_pilot(meter, drawn, settings, batch_size=settings.batch_size, seed=settings.seed)
    spread = sampling_spread(pilot)
    chains = sampling_seconds(
        meter.decoding, pilot, len(drawn), 1, settings.batch_size, unit=len(drawn)
    )
    one = _continued(meter, pilot, FORKS_TRIED * (DEFAULT_ALTERNATIVES - 1), settings.batch_size)
    tried = [chains + one * count for count in (min(_CHAINS_TRIED, len(drawn)), 1, len(drawn))]
    found = [
        phase(PARTS["chains"], tried[0], spread, setting="sample", bounds=(tried[1], tried[2]))
    ]
    found += _arms(meter, drawn, settings, CONTROL_ARMS, "", PARTS["control"])
    if teacher:
        # The same chains once more, and what a second model reads of them.
        found.append(phase(PARTS["tuning"], 2 * chains, spread, setting="sample"))
        found += _arms(meter, drawn, settings, TUNING_ARMS, teacher, PARTS["tuning"])
    sampled = _continued(
        meter, pilot, 2 * DEFAULT_ALTERNATIVES * settings.samples, settings.batch_size
    )
    found.append(
        phase(PARTS["decisions"], sampled, spread, setting="samples", bounds=(0.0, sampled))
    )
    return merged(found)


def _continued(meter: Meter, pilot: Pilot, rows: int, batch_size: int) -> float:
    """Seconds to continue chains from their middle, on average, to their end, and judge them."""
    left = [max(length // 2, 1) for length in pilot.rows(rows)]
    context = pilot.prompt + pilot.length / 2
    stepping = batch_seconds(meter.decoding, left, context, batch_size) * pilot.factor
    return stepping + rows * pilot.judging


def _arms(
    meter: Meter,
    problems: Sequence[Problem],
    settings: LessonSettings,
    arms: Sequence[str],
    teacher: str,
    part: str,
) -> list[PhaseEstimate]:
    """What the lesson takes of an intervention study, as one phase; its model is there already."""
    how = arms_settings(settings, arms)
    plan = plan_interventions(
        meter.spec, problems, how.model_dump(mode="json"), teacher=teacher or None
    )
    phases = estimate_interventions(meter, plan, how, "").phases
    study = merged(each for each in phases if each.name != "loading")
    return [PhaseEstimate(part, study.seconds, study.low, study.high, setting="sample")]
