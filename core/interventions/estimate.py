"""What an intervention study will take: above all, how many chains will have to be swept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from core.chains.chain_time import SPREAD, sampling_seconds
from core.chains.pilot import Pilot, PilotChain, greedy_pilot
from core.interventions.curves import curve_arms
from core.interventions.settings import InterventionSettings
from core.runs.config import RunPlan
from core.runs.decoding_speed import batch_seconds
from core.runs.estimate import RunEstimate, merged, phase
from core.runs.problem_units import PROBLEMS_A_UNIT
from core.statistics import share

if TYPE_CHECKING:
    from core.runs.measurements import Meter


def estimate_interventions(
    meter: Meter, plan: RunPlan, settings: InterventionSettings, doing: str
) -> RunEstimate:
    """The phases of a study.

    Raises:
        NotMeasuredError, MeasuringCancelledError, ExplorerError: as `greedy_pilot`.
    """
    teacher = meter.teacher(plan.teachers[0]) if plan.teachers else None
    arms = settings.arms_with(teacher is not None)
    pilot = greedy_pilot(
        meter, plan.problems, settings, batch_size=settings.batch_size, seed=settings.seed
    )
    problems = len(plan.problems)
    # Points of a curve share rows until they part: at most one row a point, and one a control.
    arms = (*arms, *curve_arms(settings))
    guided = [arm for arm in arms if arm.needs_teacher and arm.puts_tokens]
    plain = sum(not arm.sweeps and not arm.needs_teacher for arm in arms)
    own = sampling_seconds(meter.decoding, pilot, problems, plain, settings.batch_size)
    taught = 0.0
    if teacher is not None:
        each = (pilot, problems, len(guided), settings.batch_size)
        taught = sampling_seconds(meter.decoding, *each) + sampling_seconds(teacher.decoding, *each)
        by_teacher = sum(arm.by_teacher and not arm.puts_tokens for arm in arms)
        taught += sampling_seconds(
            teacher.decoding, pilot, problems, by_teacher, settings.batch_size
        )
    sweeps = sum(arm.sweeps for arm in arms)
    wrong = [chain for chains in pilot.chains for chain in chains if not chain.correct]
    found = share(len(wrong), len(pilot.chains))
    each_wrong = _sweep_seconds(meter, pilot, wrong, settings, sweeps)
    expected = (len(wrong) + 0.5) / (len(pilot.chains) + 1)
    swept = [problems * part * each_wrong for part in (expected, found.low, found.high)]
    spread = SPREAD + 1.3 * pilot.length_spread
    return merged(
        [
            phase("loading", meter.loading + (teacher.loading if teacher else 0.0), 0.5),
            phase("chains", own, spread, doing=doing, setting="sample"),
            phase("chains with the teacher", taught, spread, doing=doing, setting="sample"),
            phase(
                "single tokens",
                swept[0],
                spread,
                doing=doing,
                setting="positions",
                bounds=(swept[1], swept[2]),
            ),
        ]
    )


def _sweep_seconds(
    meter: Meter,
    pilot: Pilot,
    wrong: Sequence[PilotChain],
    settings: InterventionSettings,
    arms: int,
) -> float:
    """Seconds that the sweeps of one wrong chain take, in a batch with those of other chains.

    At half of the positions at most, each other alternative is forced, and the chain continues to
    its end, which is about as far away as it was.
    """
    chains = wrong or [chain for chains in pilot.chains for chain in chains]
    rows: list[int] = []
    for chain in chains if arms else ():
        length = max(len(chain.entropy), 1)
        count = min(settings.positions, length // 2)
        highest = np.argsort(-np.asarray(chain.entropy), kind="stable")[:count]
        others = np.setdiff1d(np.arange(length), highest)
        for places in (highest, others[:: max(len(others) // max(count, 1), 1)][:count])[:arms]:
            left = [length - int(place) for place in places]
            rows += [each for each in left for _ in range(settings.alternatives - 1)]
    if not rows:
        return 0.0
    together = max(round(PROBLEMS_A_UNIT * len(wrong) / len(pilot.chains)), 1)
    times = max(round(together / len(chains)), 1)  # so that the batches are as full as they will be
    context = pilot.prompt + pilot.length / 2
    stepping = batch_seconds(meter.decoding, rows * times, context, settings.batch_size) / times
    reading = sum(len(chain.entropy) for chain in chains) * pilot.prefill_token
    judging = len(rows) * pilot.judging
    return (stepping * pilot.factor + reading + judging) / len(chains)
