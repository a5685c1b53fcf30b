"""What a distillation will take."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.chains.chain_time import SPREAD, sampling_seconds, sampling_spread
from core.distillation.examples import DistillationExample, TopK
from core.distillation.phases import BOTH, READING, ROLLING_OUT, STUDENT, TRAINING
from core.distillation.recipe import DistillationRecipe
from core.distillation.results import TASK, TEACHER_FROM
from core.evaluation.estimate import sampling_phase, sampling_pilot
from core.lora.run_files import EVALUATION
from core.runs.config import RunPlan
from core.runs.estimate import RunEstimate, merged, phase

if TYPE_CHECKING:
    from core.lora.step_speed import StepSpeed
    from core.runs.measurements import Meter


def estimate_distillation(meter: Meter, plan: RunPlan, recipe: DistillationRecipe) -> RunEstimate:
    """The phases of a distillation.

    Raises:
        NotMeasuredError, MeasuringCancelledError, ExplorerError: as `sampling_pilot` and the
            trainer.
    """
    teacher = meter.teacher(plan.teachers[0])
    drawing = recipe.sampling_settings(recipe.rollouts)
    measuring = recipe.sampling_settings(recipe.evaluation)
    problems, measured = plan.problems, plan.more_problems.get(EVALUATION, ())
    pilot = sampling_pilot(teacher, problems, drawing)
    own, theirs = (sampling_pilot(each, measured, measuring) for each in (meter, teacher))
    speed = training_speed(meter, recipe)
    rows = len(problems) * drawing.samples
    read = teacher.decoding.prefill(rows * (pilot.prompt + pilot.length), rows)
    training = recipe.training
    a_step = speed.step(
        pilot.shared,
        pilot.prompt - pilot.shared + pilot.length,
        pilot.prompt + max(pilot.lengths),
        training.batch_size,
        training.accumulation,
    )
    steps = ceil(rows * training.epochs / (training.batch_size * training.accumulation))
    spread = sampling_spread(own)
    of_base = sampling_phase(
        meter, "accuracy of the base", measured, measuring, own,
        doing=BOTH, prefix="evaluation.", count_by="evaluation.samples",
    )  # fmt: skip
    of_teacher = sampling_phase(
        teacher, "accuracy of the teacher", measured, measuring, theirs,
        doing=BOTH, prefix="evaluation.", count_by="evaluation.samples",
    )  # fmt: skip
    rolled_out = sampling_phase(
        teacher, "rollouts", problems, drawing, pilot,
        doing=ROLLING_OUT, prefix="rollouts.", count_by="problems",
    )  # fmt: skip
    after = sampling_seconds(
        speed.decoding, theirs, len(measured), measuring.samples, measuring.batch_size
    )
    known = TEACHER_FROM in plan.inputs  # an earlier run has done what comes before the training
    first = [
        rolled_out,
        phase("reading", read, SPREAD, doing=READING, setting="problems"),
        of_teacher,
        of_base,
    ]
    loading = meter.loading * 3 + teacher.loading
    return merged(
        [
            phase("loading", loading, 0.5),
            *([] if known else first),
            phase("training", steps * a_step, spread, doing=TRAINING, setting="training.epochs"),
            phase("accuracy of the student", after, spread, doing=STUDENT,
                  setting="evaluation.samples"),
        ]
    )  # fmt: skip


def training_speed(meter: Meter, recipe: DistillationRecipe) -> StepSpeed:
    """How fast the recipe's adapter trains.

    Raises:
        NotMeasuredError, MeasuringCancelledError, ExplorerError: as `step_speed`.
    """
    from core.distillation.trainer import DistillationTrainer
    from core.lora.step_speed import step_speed
    from core.models.language_model import LanguageModel

    def make(
        lm: LanguageModel, folder: Path, examples: Sequence[DistillationExample]
    ) -> DistillationTrainer:
        own = recipe.trainer_config(folder, save_strategy="no", use_cpu=lm.device.type == "cpu")
        return DistillationTrainer(lm, own, examples)

    def example(prompt: tuple[int, ...], completion: tuple[int, ...]) -> DistillationExample:
        ids = np.tile(np.arange(recipe.top_k, dtype=np.int32), (len(completion), 1))
        logprobs = np.full(ids.shape, -np.log(recipe.top_k), np.float32)
        return DistillationExample("measured", prompt, completion, TopK(ids, logprobs))

    return step_speed(meter, TASK, recipe.training, make, example)
