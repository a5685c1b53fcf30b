"""What a comparison with teachers will take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.chains.chain_time import SPREAD, sampling_seconds, sampling_spread
from core.chains.pilot import greedy_pilot
from core.disagreement.settings import CompareSettings
from core.runs.config import RunPlan
from core.runs.estimate import RunEstimate, merged, phase

if TYPE_CHECKING:
    from core.runs.measurements import Meter


def estimate_comparison(
    meter: Meter, plan: RunPlan, settings: CompareSettings, doing: str
) -> RunEstimate:
    """The phases of a comparison.

    Raises:
        NotMeasuredError, MeasuringCancelledError, ExplorerError: as `greedy_pilot`.
    """
    pilot = greedy_pilot(
        meter, plan.problems, settings, batch_size=settings.batch_size, seed=settings.seed
    )
    teachers = [meter.teacher(name) for name in plan.teachers]
    problems = len(plan.problems)
    chains = sampling_seconds(meter.decoding, pilot, problems, 1, settings.batch_size)
    tokens = problems * (pilot.prompt + pilot.length)
    reading = sum(  # every teacher reads a chain beside the base, prompt and completion apart
        each.decoding.prefill(tokens, passes=2 * problems)
        for teacher in teachers
        for each in (meter, teacher)
    )
    setting = "max_new_tokens" if pilot.runs_long else "sample"
    return merged(
        [
            phase("loading", sum(each.loading for each in (meter, *teachers)), 0.5),
            phase("chains", chains, sampling_spread(pilot), doing=doing, setting=setting),
            phase("reading", reading, SPREAD + pilot.length_spread, doing=doing, setting="sample"),
        ]
    )
