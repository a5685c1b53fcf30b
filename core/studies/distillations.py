"""Studies of distillations: one teacher's rollouts and distributions, a student a cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from core.distillation.models import DistillationModels
from core.distillation.recipe import DistillationRecipe
from core.distillation.results import BASE, ROLLOUTS, TEACHER, DistillationSummary
from core.distillation.teacher_top_k import kept_examples
from core.evaluation.records import ProblemSamples
from core.lora.cost import mark_end
from core.lora.examples import token_count
from core.lora.phases import sampled
from core.lora.run_files import EVALUATION, training_summary
from core.reasonmaxxer.results import HELD_OUT
from core.statistics import mean_over_problems, paired_difference
from core.studies.cells import finished_cells, words_of, work_on
from core.studies.estimate import estimate_distillation_study
from core.studies.grid import Cell
from core.studies.headline import study_headline
from core.studies.kind import StudyKind, checked_results, shared_cost, study_results
from core.studies.phases import (
    BEFORE,
    MEASURING,
    OF_TEACHER,
    READING,
    TEACHERS_ROLLOUTS,
    TRAINING,
    doing,
)
from core.studies.recipe import DistillationStudyRecipe
from core.studies.results import CellResult, StudyResults

if TYPE_CHECKING:
    from core.distillation.examples import DistillationExample
    from core.runs.context import RunContext

DISTILL_STUDY_TASK = "distill-study"
_BASE_HELD_OUT = "base-held-out/"
_SUMMARY = TypeAdapter(DistillationSummary)


def _study(
    work: RunContext, recipe: DistillationStudyRecipe, trust_remote_code: bool
) -> StudyResults:
    """The teacher's rollouts and distributions, the accuracy of teacher and base, then cell after
    cell.

    Raises:
        Cancelled: when a stop is requested.
        TrainingError: no cell could be trained.
        ExplorerError: models, problems or settings that don't go together; memory or disk full.
    """
    run, cells = work.run, recipe.cells()
    work.report(0, None, "loading the models")
    models = DistillationModels(work, trust_remote_code)
    problems, held_out, measured = run.problems(), run.problems(HELD_OUT), run.problems(EVALUATION)
    drawing = recipe.sampling_settings(recipe.rollouts)
    measuring = recipe.sampling_settings(recipe.evaluation)
    choosing = recipe.sampling_settings(recipe.held_out.sampling)
    rollouts = sampled(
        work, models.teacher, problems, drawing, ROLLOUTS, TEACHERS_ROLLOUTS, [*held_out, *measured]
    )
    examples = kept_examples(
        work, models.teacher, problems, rollouts, recipe.top_k, models.vocab_size, READING
    )
    teacher = sampled(work, models.teacher, measured, measuring, TEACHER, OF_TEACHER)
    models.teacher.release()
    mark_end(work, "teacher")
    before = sampled(work, models.base, measured, measuring, BASE, BEFORE)
    before_held_out = sampled(work, models.base, held_out, choosing, _BASE_HELD_OUT, BEFORE)
    models.base.release()
    mark_end(work, "before")
    sampled_once = [*rollouts, *teacher, *before, *before_held_out]

    def results() -> StudyResults:
        done = finished_cells(run.units(), cells)
        found = study_results(
            done,
            cells,
            recipe.seed,
            before,
            base_held_out=mean_over_problems([each.pass_rate for each in before_held_out]).value,
            cost=shared_cost(run, recipe.usd_per_hour, sampled_once, done),
        )
        rates = [each.pass_rate for each in teacher]
        return replace(found, teacher_test=mean_over_problems(rates, recipe.seed))

    for cell in cells:

        def make(cell: Cell[DistillationRecipe] = cell) -> CellResult:
            _train(work, cell, len(cells), models, examples)
            return _measured(work, cell, len(cells), recipe, models, examples, before)

        if work_on(work, cell, make):
            DISTILL_STUDY.write_so_far(work, results())
    return checked_results(results())


def _train(
    work: RunContext,
    cell: Cell[DistillationRecipe],
    count: int,
    models: DistillationModels,
    examples: Sequence[DistillationExample],
) -> None:
    from core.distillation.training import train_student
    from core.lora.training import train_once

    recipe = cell.recipe.model_copy(update={"seed": cell.seed})
    what = doing(cell, count, TRAINING)
    train_once(
        work,
        lambda: train_student(work, models.base.loaded(), recipe, examples, what),
        prompt_ids=examples[0].prompt_ids,
        batch_size=recipe.training.batch_size,
        phase=None,
    )
    models.base.release()  # it has the cell's adapter


def _measured(
    work: RunContext,
    cell: Cell[DistillationRecipe],
    count: int,
    recipe: DistillationStudyRecipe,
    models: DistillationModels,
    examples: Sequence[DistillationExample],
    before: Sequence[ProblemSamples],
) -> CellResult:
    run, what = work.run, doing(cell, count, MEASURING)
    choosing = recipe.sampling_settings(recipe.held_out.sampling)
    measuring = recipe.sampling_settings(recipe.evaluation)
    held_out = sampled(
        work, models.student, run.problems(HELD_OUT), choosing, f"{cell.name}-held-out/", what
    )
    after = sampled(
        work, models.student, run.problems(EVALUATION), measuring, f"{cell.name}/", what
    )
    models.student.release()
    summary = training_summary(run, _SUMMARY)
    rates, base = ([each.pass_rate for each in records] for records in (after, before))
    return CellResult(
        number=cell.number,
        setting=cell.setting,
        values=words_of(cell),
        seed=cell.seed,
        failure=None,
        held_out=mean_over_problems([each.pass_rate for each in held_out], recipe.seed),
        test=mean_over_problems(rates, recipe.seed),
        difference=paired_difference(rates, base, recipe.seed),
        examples=len(examples),
        trained_tokens=round(token_count(examples) * cell.recipe.training.epochs),
        sampled_tokens=sum(len(s.token_ids) for each in (*held_out, *after) for s in each.samples),
        steps=summary.steps,
        best_step=summary.steps,
        trained_parameters=summary.trained_parameters,
        trained_share=summary.trained_share,
        pass_rates=tuple(rates),
    )


DISTILL_STUDY = StudyKind(
    name=DISTILL_STUDY_TASK,
    settings=DistillationStudyRecipe,
    results=StudyResults,
    phases=_study,
    estimate=estimate_distillation_study,
    headline=study_headline,
)
"""Distillations over a grid of settings, from one teacher's work, chosen on held-out problems."""
