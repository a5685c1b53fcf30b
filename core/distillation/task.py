"""A distillation as a kind of run. Every phase is kept, so that none is repeated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from pydantic import TypeAdapter

from core.distillation import phases
from core.distillation.adapter_card import distillation_card
from core.distillation.earlier import take_teacher
from core.distillation.estimate import estimate_distillation
from core.distillation.examples import DistillationExample
from core.distillation.headline import distillation_headline
from core.distillation.models import DistillationModels
from core.distillation.recipe import DistillationRecipe
from core.distillation.results import (
    BASE,
    PHASES_BEFORE,
    ROLLOUTS,
    STUDENT,
    TASK,
    TEACHER,
    DistillationResults,
    DistillationSummary,
    TeacherSummary,
    distillation_models,
)
from core.distillation.teacher_top_k import kept_examples
from core.evaluation.comparison import compare
from core.evaluation.records import ProblemSamples
from core.evaluation.results import summarise_evaluation
from core.lora.cost import cost_of, mark_end
from core.lora.kind import TrainingKind
from core.lora.phases import LazyModel, sampled
from core.lora.run_files import ADAPTER, EVALUATION, training_summary
from core.models.language_model import LanguageModel

if TYPE_CHECKING:
    from core.runs.context import RunContext


def _distil(
    work: RunContext, recipe: DistillationRecipe, trust_remote_code: bool
) -> DistillationResults:
    """The teacher's rollouts and distributions, the accuracy of teacher and base, the training,
    and the accuracy of the student.

    Raises:
        Cancelled: when a stop is requested.
        TrainingError: a loss that is NaN or infinite, or a student that equals its base.
        ExplorerError: models, problems or settings that don't go together; memory or disk full.
    """
    run = work.run
    take_teacher(work)
    work.report(0, None, "loading the models")
    models = DistillationModels(work, trust_remote_code)
    problems, measured = run.problems(), run.problems(EVALUATION)
    drawing = recipe.sampling_settings(recipe.rollouts)
    measuring = recipe.sampling_settings(recipe.evaluation)
    rollouts = sampled(
        work, models.teacher, problems, drawing, ROLLOUTS, phases.ROLLING_OUT, measured
    )
    examples = kept_examples(
        work,
        models.teacher,
        problems,
        rollouts,
        recipe.top_k,
        models.vocab_size,
        phases.READING,
    )
    doing = phases.BOTH
    teacher = sampled(work, models.teacher, measured, measuring, TEACHER, doing)
    models.teacher.release()
    mark_end(work, PHASES_BEFORE[0])
    base = sampled(work, models.base, measured, measuring, BASE, doing)
    mark_end(work, PHASES_BEFORE[1])
    _train(work, models.base, recipe, examples)
    models.base.release()
    student = sampled(work, models.student, measured, measuring, STUDENT, phases.STUDENT)
    mark_end(work, "student")
    tuned = models.student.loaded()
    results = DistillationResults(
        rollouts=_summary_of(rollouts, examples),
        training=training_summary(run, _SUMMARY),
        base=summarise_evaluation(base, recipe.seed),
        teacher=summarise_evaluation(teacher, recipe.seed),
        student=summarise_evaluation(student, recipe.seed),
        against_teacher=compare(teacher, student, recipe.seed),
        against_base=compare(base, student, recipe.seed),
        cost=cost_of(
            run,
            [*rollouts, *base, *teacher, *student],
            examples,
            epochs=recipe.training.epochs,
            device=tuned.device,
            usd_per_hour=recipe.usd_per_hour,
        ),
    )
    _keep_card(work, tuned, recipe, results)
    return results


def _train(
    work: RunContext,
    base: LazyModel,
    recipe: DistillationRecipe,
    examples: Sequence[DistillationExample],
) -> None:
    from core.distillation.training import train_student
    from core.lora.training import train_once

    def train() -> tuple[DistillationSummary, LanguageModel]:
        work.report(0, None, phases.TRAINING)
        return train_student(work, base.loaded(), recipe, examples, phases.TRAINING)

    train_once(
        work,
        train,
        prompt_ids=examples[0].prompt_ids,
        batch_size=recipe.training.batch_size,
    )


def _keep_card(
    work: RunContext,
    tuned: LanguageModel,
    recipe: DistillationRecipe,
    results: DistillationResults,
) -> None:
    """Write the adapter's README."""
    run = work.run
    spec, teacher = distillation_models(run)
    card = distillation_card(
        spec, teacher, recipe, results, run.config.versions, tuned.prompt_style
    )
    (run.folder / ADAPTER / "README.md").write_text(card, encoding="utf-8")
    work.report(1, 1, "done", "distillation")


def _summary_of(
    rollouts: Sequence[ProblemSamples], examples: Sequence[DistillationExample]
) -> TeacherSummary:
    mass = np.concatenate([each.teacher.mass for each in examples])
    return TeacherSummary(
        problems=len(rollouts),
        rollouts=len(examples),
        right=sum(each.correct for each in rollouts),
        tokens=len(mass),
        top_k=examples[0].teacher.ids.shape[1],
        kept_mass=float(min(mass.mean(), 1.0)),
    )


_SUMMARY = TypeAdapter(DistillationSummary)

DISTIL = TrainingKind(
    name=TASK,
    settings=DistillationRecipe,
    results=DistillationResults,
    phases=_distil,
    estimate=estimate_distillation,
    headline=distillation_headline,
)
"""A teacher's distributions, learned by a LoRA adapter of the base."""
