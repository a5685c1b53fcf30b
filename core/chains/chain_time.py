"""Seconds that the chains of a problem set take, from the measured speed and a pilot."""

from __future__ import annotations

from math import ceil

from core.chains.pilot import Pilot
from core.runs.decoding_speed import DecodingSpeed, batch_seconds
from core.runs.problem_units import PROBLEMS_A_UNIT

SPREAD = 0.2
"""By how much a measurement of a moment misses a run's mean speed."""


def sampling_seconds(
    speed: DecodingSpeed,
    pilot: Pilot,
    problems: int,
    samples: int,
    batch_size: int,
    *,
    unit: int = PROBLEMS_A_UNIT,
) -> float:
    """Seconds to draw and judge chains of a problem set.

    Args:
        speed: of the model.
        pilot: of these chains.
        problems: how many.
        samples: of each.
        batch_size: most chains at once.
        unit: problems that are decoded together.
    """
    if problems == 0:
        return 0.0
    together = min(unit, problems)
    rows = pilot.rows(together * samples)
    stepping = batch_seconds(speed, rows, pilot.prompt, batch_size) * pilot.factor
    reading = (pilot.shared + together * (pilot.prompt - pilot.shared)) * pilot.prefill_token
    judging = len(rows) * pilot.judging
    units = problems / together if problems % together else ceil(problems / together)
    return units * (stepping + reading + judging)


def sampling_spread(pilot: Pilot) -> float:
    """The relative half width of the range of `sampling_seconds`."""
    return SPREAD + 1.3 * pilot.length_spread
