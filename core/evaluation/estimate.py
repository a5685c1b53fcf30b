"""What an evaluation will take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.chains.chain_time import sampling_seconds, sampling_spread
from core.chains.pilot import Pilot, pilot_chains
from core.evaluation.settings import EvaluationSettings
from core.records import Problem
from core.runs.config import RunPlan
from core.runs.estimate import PhaseEstimate, RunEstimate, merged, phase

if TYPE_CHECKING:
    from core.runs.measurements import Meter


def estimate_evaluation(
    meter: Meter, plan: RunPlan, settings: EvaluationSettings, doing: str
) -> RunEstimate:
    """The phases of an evaluation.

    Raises:
        NotMeasuredError, MeasuringCancelledError, ExplorerError: as `sampling_pilot`.
    """
    pilot = sampling_pilot(meter, plan.problems, settings)
    return merged(
        [
            phase("loading", meter.loading, 0.5),
            sampling_phase(
                meter, "sampling", plan.problems, settings, pilot, doing=doing, prefix=""
            ),
        ]
    )


def sampling_pilot(
    meter: Meter, problems: Sequence[Problem], settings: EvaluationSettings, samples: int = 1
) -> Pilot:
    """A pilot of the chains that `evaluate` draws.

    Args:
        samples: of a problem, at most; several say how often a problem has right and wrong ones.

    Raises:
        NotMeasuredError, MeasuringCancelledError, ExplorerError: as `pilot_chains`.
    """
    return pilot_chains(
        meter,
        problems,
        settings,
        settings.sampler,
        samples=min(samples, settings.samples),
        batch_size=settings.batch_size,
        seed=settings.seed,
    )


def sampling_phase(
    meter: Meter,
    name: str,
    problems: Sequence[Problem],
    settings: EvaluationSettings,
    pilot: Pilot,
    *,
    doing: str,
    prefix: str,
    count_by: str = "sample",
) -> PhaseEstimate:
    """A phase that draws and judges chains of problems.

    Args:
        prefix: of its settings, such as "rollouts.".
        count_by: the setting of the number of problems.
    """
    seconds = sampling_seconds(
        meter.decoding, pilot, len(problems), settings.samples, settings.batch_size
    )
    setting = f"{prefix}samples" if settings.samples > 4 else count_by
    if pilot.runs_long:
        setting = "max_new_tokens"
    return phase(name, seconds, sampling_spread(pilot), doing=doing, setting=setting)
