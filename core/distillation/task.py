"""A distillation as a run: every phase kept, so that none is ever done twice."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from pydantic import TypeAdapter, ValidationError

from core.distillation.adapter_card import distillation_card
from core.distillation.earlier import take_teacher
from core.distillation.examples import DistillationExample
from core.distillation.models import DistillationModels
from core.distillation.recipe import DistillationRecipe
from core.distillation.results import (
    ADAPTER,
    BASE,
    CHECKPOINTS,
    EVALUATION,
    PHASES_BEFORE,
    RESULTS,
    ROLLOUTS,
    STUDENT,
    SUMMARY,
    TEACHER,
    DistillationResults,
    DistillationSummary,
    TeacherSummary,
    distillation_models,
    distillation_recipe,
)
from core.distillation.teacher_top_k import kept_examples
from core.errors import ResourceError, RunError
from core.evaluation.comparison import compare
from core.evaluation.records import ProblemSamples
from core.evaluation.results import summarise_evaluation
from core.lora.adapter import check_changed, take_adapter, write_adapter
from core.lora.cost import Cost, mark_end, peak_memory_bytes, phase_seconds
from core.lora.phases import LazyModel, sampled
from core.models.language_model import LanguageModel
from core.runs.run import Run
from core.system.json_text import json_text

if TYPE_CHECKING:
    from core.runs.context import RunContext

_TRAINING = "4 of 5: training"


def run_distillation(work: RunContext, *, trust_remote_code: bool = False) -> None:
    """Carry a prepared distillation out: the teacher's rollouts and distributions, the accuracy of
    teacher and base, the training, and the accuracy of the student.

    Args:
        work: the run.
        trust_remote_code: whether the base's own Python code may run. A run's folder may come
            from elsewhere: what it says of this is a wish, never the permission.

    Raises:
        Cancelled: when a stop is requested.
        TrainingError: a loss that is no number, or a student that equals its base.
        ExplorerError: models, problems or settings that don't go together; memory or disk full.
    """
    run, recipe = work.run, distillation_recipe(work.run)
    take_teacher(work)
    work.report(0, None, "loading the models")
    models = DistillationModels(work, trust_remote_code)
    problems, measured = run.problems(), run.problems(EVALUATION)
    drawing = recipe.sampling_settings(recipe.rollouts)
    doing = "1 of 5: the teacher's rollouts"
    rollouts = sampled(work, models.teacher, problems, drawing, ROLLOUTS, doing, measured)
    examples = kept_examples(
        work,
        models.teacher,
        problems,
        rollouts,
        recipe.top_k,
        models.vocab_size,
        "2 of 5: the teacher's distributions",
    )
    doing = "3 of 5: accuracy of teacher and base"
    teacher = _evaluated(work, models.teacher, recipe, TEACHER, doing)
    models.teacher.release()
    mark_end(work, PHASES_BEFORE[0])
    base = _evaluated(work, models.base, recipe, BASE, doing)
    mark_end(work, PHASES_BEFORE[1])
    if not (run.folder / ADAPTER).is_dir() or run.read_json(SUMMARY) is None:
        _train(work, models.base, recipe, examples)
    models.base.release()
    student = _evaluated(work, models.student, recipe, STUDENT, "5 of 5: accuracy of the student")
    mark_end(work, "student")
    _sum_up(work, recipe, examples, rollouts, (base, teacher, student), models.student.loaded())


def _evaluated(
    work: RunContext, model: LazyModel, recipe: DistillationRecipe, prefix: str, doing: str
) -> list[ProblemSamples]:
    settings = recipe.sampling_settings(recipe.evaluation)
    return sampled(work, model, work.run.problems(EVALUATION), settings, prefix, doing)


def _train(
    work: RunContext,
    base: LazyModel,
    recipe: DistillationRecipe,
    examples: Sequence[DistillationExample],
) -> None:
    """Train the adapter, from the last whole checkpoint on."""
    from core.distillation.training import train_student

    work.report(0, None, _TRAINING)
    try:
        summary, student = train_student(work, base.loaded(), recipe, examples, _TRAINING)
    except torch.OutOfMemoryError as error:
        raise ResourceError(
            f"The device ran out of memory while training on {recipe.training.batch_size} "
            "rollouts at once.",
            "Lower the training batch size (raise the accumulation by as much), or max new tokens.",
        ) from error
    check_changed(student, examples[0].prompt_ids)
    adapter = work.run.folder / ADAPTER
    partly = work.run.folder / f".{ADAPTER}.partial"
    write_adapter(student, partly)
    mark_end(work, "training")
    work.write(SUMMARY, _json(asdict(summary)))
    take_adapter(partly, adapter)


def _sum_up(
    work: RunContext,
    recipe: DistillationRecipe,
    examples: Sequence[DistillationExample],
    rollouts: Sequence[ProblemSamples],
    evaluated: tuple[list[ProblemSamples], list[ProblemSamples], list[ProblemSamples]],
    tuned: LanguageModel,
) -> None:
    run, (base, teacher, student) = work.run, evaluated
    learned = sum(len(each.prompt_ids) + len(each.token_ids) for each in examples)
    drawn = [s for phase in (rollouts, *evaluated) for each in phase for s in each.samples]
    results = DistillationResults(
        rollouts=_summary_of(rollouts, examples),
        training=_training(run),
        base=summarise_evaluation(base, recipe.seed),
        teacher=summarise_evaluation(teacher, recipe.seed),
        student=summarise_evaluation(student, recipe.seed),
        against_teacher=compare(teacher, student, recipe.seed),
        against_base=compare(base, student, recipe.seed),
        cost=Cost(
            seconds=phase_seconds(run),
            sampled_tokens=sum(len(each.token_ids) for each in drawn),
            trained_tokens=round(learned * recipe.training.epochs),
            peak_memory_bytes=peak_memory_bytes(tuned.device),
            usd_per_hour=recipe.usd_per_hour,
        ),
    )
    spec, teacher_name = distillation_models(run)
    card = distillation_card(
        spec, teacher_name, recipe, results, run.config.versions, tuned.prompt_style
    )
    (run.folder / ADAPTER / "README.md").write_text(card, encoding="utf-8")
    work.write(RESULTS, _json(results.to_json()))
    work.report(1, 1, "done", "distillation")
    with contextlib.suppress(OSError):
        shutil.rmtree(run.folder / CHECKPOINTS)  # the adapter is what they were for


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


def _training(run: Run) -> DistillationSummary:
    try:
        return _SUMMARY.validate_python(run.read_json(SUMMARY))
    except ValidationError as error:
        raise RunError(
            f"{run.folder / SUMMARY} can't be read.",
            "Delete the file and resume the run, which trains again.",
        ) from error


def _json(data: Any) -> str:
    return json_text(data, indent=1) + "\n"


_SUMMARY = TypeAdapter(DistillationSummary)
