"""What a fine-tune will take: its rollouts, the accuracy before, the training, the accuracy after.

How many rollouts are learned from depends on how many problems have right and wrong ones. A pilot
with a few chains of a few problems says so, within a range; rollouts that are there say it exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, exp, lgamma
from pathlib import Path
from typing import TYPE_CHECKING

from core.chains.chain_time import SPREAD, sampling_seconds, sampling_spread
from core.chains.pilot import Pilot, PilotChain
from core.decoding.prefill import common_beginning
from core.errors import TrainingError
from core.evaluation.estimate import sampling_phase, sampling_pilot
from core.evaluation.records import ProblemSamples
from core.evaluation.settings import EvaluationSettings
from core.lora.run_files import EVALUATION
from core.reasonmaxxer.phases import (
    AFTER,
    BEFORE,
    ROLLING_OUT,
    SHOWING,
    SHOWN_PAIRS,
    TRAINING,
    WEIGHING,
)
from core.reasonmaxxer.recipe import Recipe
from core.reasonmaxxer.results import HELD_OUT, ROLLOUTS_FROM, TRAIN_TASK
from core.reasonmaxxer.rollouts import rollout_records
from core.reasonmaxxer.selection import Selection, select_examples
from core.reasonmaxxer.settings import Weighting
from core.runs.config import RunPlan
from core.runs.estimate import PhaseEstimate, RunEstimate, merged, phase
from core.runs.run import Run

if TYPE_CHECKING:
    from core.lora.step_speed import StepSpeed
    from core.runs.measurements import Meter

_PILOT_SAMPLES = 4
_TAILS = 0.1  # probability left out at either end of a range


def estimate_rollouts(meter: Meter, plan: RunPlan, recipe: Recipe, doing: str) -> RunEstimate:
    """The phases of a run of rollouts.

    Raises:
        NotMeasuredError, MeasuringCancelledError, ExplorerError: as `sampling_pilot`.
    """
    settings = recipe.sampling_settings(recipe.rollouts)
    pilot = sampling_pilot(meter, plan.problems, settings, _PILOT_SAMPLES)
    rollouts = sampling_phase(
        meter, "rollouts", plan.problems, settings, pilot,
        doing=doing, prefix="rollouts.", count_by="problems",
    )  # fmt: skip
    return merged([phase("loading", meter.loading, 0.5), rollouts])


def estimate_training(meter: Meter, plan: RunPlan, recipe: Recipe) -> RunEstimate:
    """The phases of a fine-tune.

    Raises:
        NotMeasuredError, MeasuringCancelledError, ExplorerError: as `sampling_pilot` and the
            trainer.
    """
    rolling = recipe.sampling_settings(recipe.rollouts)
    measuring = recipe.sampling_settings(recipe.evaluation)
    measured = plan.more_problems.get(EVALUATION, ())
    there = _rollouts_there(plan)
    if plan.imported is None:
        pilot = sampling_pilot(meter, plan.problems, rolling, _PILOT_SAMPLES)
    else:  # whose prompts are not those of the recipe
        pilot = as_imported(sampling_pilot(meter, measured, measuring), there)
    speed = training_speed(meter, recipe)
    phases = [phase("loading", 2 * meter.loading, 0.5)]
    amount = _known_amount(there, recipe)
    if amount is None:
        phases += estimate_rollouts(meter, plan, recipe, ROLLING_OUT).phases[1:]
        amount = _foreseen_amount(pilot, len(plan.problems), recipe)
    phases += _weighing(meter, plan, pilot, amount, recipe)
    other = sampling_pilot(meter, measured, measuring)
    before = sampling_phase(
        meter, "accuracy before", measured, measuring, other,
        doing=BEFORE, prefix="evaluation.", count_by="measured",
    )  # fmt: skip
    after = _slower(before, _seconds(speed, other, len(measured), measuring), AFTER)
    training = _training(meter, speed, pilot, amount, recipe, plan)
    shown = _showing(meter, speed, pilot, min(SHOWN_PAIRS, len(measured)), recipe)
    return merged([*phases, before, training, after, shown])


def training_speed(meter: Meter, recipe: Recipe) -> StepSpeed:
    """How fast the recipe's adapter trains.

    Raises:
        NotMeasuredError, MeasuringCancelledError, ExplorerError: as `step_speed`.
    """
    from core.lora.step_speed import step_speed
    from core.models.language_model import LanguageModel
    from core.reasonmaxxer.examples import Example
    from core.reasonmaxxer.trainer import ReasonMaxxerTrainer

    def make(lm: LanguageModel, folder: Path, examples: Sequence[Example]) -> ReasonMaxxerTrainer:
        own = recipe.trainer_config(folder, save_strategy="no", use_cpu=lm.device.type == "cpu")
        return ReasonMaxxerTrainer(lm, own, examples)

    def example(prompt: tuple[int, ...], completion: tuple[int, ...]) -> Example:
        gate = tuple(i % 4 == 0 for i in range(len(completion)))
        return Example("measured", prompt, completion, gate, 1.0)

    return step_speed(meter, TRAIN_TASK, recipe.training, make, example)


@dataclass(frozen=True)
class Amount:
    """How many rollouts are learned from, and the tokens of each completion."""

    examples: float
    least: float
    most: float
    length: float


def _rollouts_there(plan: RunPlan) -> Sequence[ProblemSamples]:
    """The rollouts that an earlier run has; none without one."""
    folder = plan.inputs.get(ROLLOUTS_FROM)
    return () if folder is None else rollout_records(Run.open(Path(folder)))


def as_imported(pilot: Pilot, records: Sequence[ProblemSamples]) -> Pilot:
    """A pilot with the lengths of rollouts that are there."""
    prompts = [each.prompt_ids for each in records]
    return replace(
        pilot,
        shared=common_beginning(prompts),
        prompts=tuple(map(len, prompts)),
        chains=tuple(
            tuple(PilotChain(len(each.token_ids), False, each.correct, ()) for each in one.samples)
            for one in records
        ),
    )


def _known_amount(records: Sequence[ProblemSamples], recipe: Recipe) -> Amount | None:
    """Of rollouts that an earlier run has."""
    if not records:
        return None
    try:
        selection: Selection = select_examples(records, recipe.selection, recipe.gate, recipe.seed)
    except TrainingError:  # the run will say so
        return Amount(0, 0, 0, 0)
    count = len(selection.examples)
    return Amount(count, count, count, selection.report.tokens / count)


def _foreseen_amount(pilot: Pilot, problems: int, recipe: Recipe) -> Amount:
    """Of rollouts that are not there yet."""
    right = [sum(chain.correct for chain in chains) for chains in pilot.chains]
    samples, chosen = len(pilot.chains[0]), recipe.selection
    found = mixed_shares(right, samples, recipe.rollouts.samples)

    def examples(share: float) -> float:
        kept = min(share * problems, chosen.max_problems or problems)
        part = 0.3 if chosen.positive_only else 1.0
        return kept * recipe.rollouts.samples * (1 - chosen.drop_longest) * part

    expected, least, most = map(examples, found)
    return Amount(expected, least, most, pilot.length)


def mixed_shares(right: Sequence[int], samples: int, rollouts: int) -> tuple[float, float, float]:
    """The share of problems that will have right and wrong rollouts: expected, least, most.

    The probability of a right chain differs from problem to problem as a beta distribution, of
    whose mean and concentration the pilot makes some likely (on a grid, all alike before it).

    Args:
        right: right chains of each problem of the pilot.
        samples: chains of each of them.
        rollouts: chains of each problem of the run.
    """
    weighted = []
    for i in range(1, 40):
        for concentration in (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0):
            a, b = concentration * i / 40, concentration * (1 - i / 40)
            fits = sum(_log_beta(a + r, b + samples - r) - _log_beta(a, b) for r in right)
            alike = _log_beta(a + rollouts, b), _log_beta(a, b + rollouts)
            mixed = 1 - sum(exp(each - _log_beta(a, b)) for each in alike)
            weighted.append((mixed, fits))
    best = max(fits for _, fits in weighted)
    shares = sorted((mixed, exp(fits - best)) for mixed, fits in weighted)
    whole = sum(weight for _, weight in shares)
    expected = sum(mixed * weight for mixed, weight in shares) / whole
    below, least, most = 0.0, 0.0, 1.0
    for mixed, weight in shares:
        if below < _TAILS <= below + weight / whole:
            least = mixed
        if below < 1 - _TAILS <= below + weight / whole:
            most = mixed
        below += weight / whole
    return expected, least, most


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def _training(
    meter: Meter, speed: StepSpeed, pilot: Pilot, amount: Amount, recipe: Recipe, plan: RunPlan
) -> PhaseEstimate:
    own = recipe.training
    a_step = speed.step(
        pilot.shared,
        pilot.prompt - pilot.shared + amount.length,
        pilot.prompt + max(pilot.lengths),
        own.batch_size,
        own.accumulation,
    )
    aside = plan.more_problems.get(HELD_OUT, ())
    measured = 0.0
    if aside:
        settings = recipe.sampling_settings(recipe.held_out.sampling)
        other = sampling_pilot(meter, aside, settings)
        measured = sampling_seconds(
            speed.decoding, other, len(aside), settings.samples, settings.batch_size,
            unit=len(aside),
        )  # fmt: skip

    def seconds(examples: float) -> float:
        steps = ceil(examples * own.epochs / (own.batch_size * own.accumulation))
        times = 1 + ceil(steps / recipe.held_out.every) if aside else 0
        return steps * a_step + times * measured

    return phase(
        "training",
        seconds(amount.examples),
        SPREAD,
        doing=TRAINING,
        setting="selection.max_problems" if measured < seconds(amount.examples) / 4 else
        "held_out.problems",
        bounds=(seconds(amount.least), seconds(amount.most)),
    )  # fmt: skip


def _weighing(
    meter: Meter, plan: RunPlan, pilot: Pilot, amount: Amount, recipe: Recipe
) -> list[PhaseEstimate]:
    """Base and teacher read every rollout once, where decisions have weights."""
    if recipe.training.weighting is Weighting.NONE:
        return []
    (teacher,) = (meter.teacher(name) for name in plan.teachers)

    def seconds(examples: float) -> float:
        tokens = round(examples * (pilot.prompt + amount.length))
        passes = 2 * round(examples)
        read = sum(each.decoding.prefill(tokens, passes) for each in (meter, teacher))
        return teacher.loading + read

    bounds = seconds(amount.least), seconds(amount.most)
    return [phase("weights", seconds(amount.examples), SPREAD, doing=WEIGHING, bounds=bounds)]


def _seconds(speed: StepSpeed, pilot: Pilot, problems: int, settings: EvaluationSettings) -> float:
    """Of sampling with the adapter."""
    return sampling_seconds(speed.decoding, pilot, problems, settings.samples, settings.batch_size)


def _slower(before: PhaseEstimate, seconds: float, doing: str) -> PhaseEstimate:
    """The accuracy after, which takes longer than that before by what the adapter costs."""
    ratio = seconds / before.seconds if before.seconds else 1.0
    low, high = before.low * ratio, before.high * ratio
    return PhaseEstimate("accuracy after", seconds, low, high, doing, before.setting)


def _showing(
    meter: Meter, speed: StepSpeed, pilot: Pilot, problems: int, recipe: Recipe
) -> PhaseEstimate:
    """Greedy chains before and after, each read by the other model."""
    each = (pilot, problems, 1, recipe.batch_size)
    decoding = sampling_seconds(meter.decoding, *each) + sampling_seconds(speed.decoding, *each)
    tokens = pilot.shared + problems * (pilot.prompt - pilot.shared + pilot.length)
    reading = meter.decoding.prefill(tokens, 2 * problems)
    reading += speed.decoding.prefill(tokens, 2 * problems)
    spread = sampling_spread(pilot)
    return phase("side by side", decoding + reading, spread, doing=SHOWING)
