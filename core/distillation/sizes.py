"""How small can the correction be? Accuracy against adapter size, over all distillations."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from core.distillation.results import (
    TASK,
    DistillationResults,
    distillation_models,
    distillation_recipe,
)
from core.distillation.task import DISTIL
from core.errors import ExplorerError
from core.lora.run_files import EVALUATION
from core.models.spec import absolute_name
from core.runs.run import Run
from core.runs.runs_folder import RunsFolder
from core.runs.status import RunState
from core.statistics import Estimate


@dataclass(frozen=True)
class SizePoint:
    """One finished distillation."""

    run_id: str
    rank: int
    target_modules: tuple[str, ...]
    trained_parameters: int
    trained_share: float  # of the base's parameters
    accuracy: Estimate  # pass@1 of the student
    against_teacher: Estimate  # paired difference, student less teacher
    against_base: Estimate

    @property
    def label(self) -> str:
        """Rank and layers."""
        return f"rank {self.rank} on {', '.join(self.target_modules)}"


@dataclass(frozen=True)
class SizeStudy:
    """Distillations of one teacher, measured on the same problems with the same sampler and
    seed."""

    points: tuple[SizePoint, ...]  # smallest first
    base: Estimate  # pass@1
    teacher: Estimate
    label: str  # name of the accuracies: pass@1 or avg@n
    temperature: float
    top_p: float
    seed: int


def distillations(folder: RunsFolder, model: str, teacher: str) -> list[Run]:
    """All distillations of a teacher into a base, newest first, finished or not.

    Args:
        folder: of the runs.
        model: the base, as a person names it.
        teacher: likewise.

    Raises:
        RunError: the folder can't be read.
    """
    wanted = (absolute_name(model), absolute_name(teacher))
    return [run for run in folder.list() if run.config.task == TASK and _models(run) == wanted]


def size_studies(folder: RunsFolder, model: str, teacher: str) -> list[SizeStudy]:
    """The studies of a teacher's finished distillations, newest first.

    Runs whose results can't be read are left out: the list of runs says what is wrong with them.

    Raises:
        RunError: the folder can't be read.
    """
    groups: dict[str, list[tuple[Run, DistillationResults]]] = {}
    for run in distillations(folder, model, teacher):
        if run.status().state is not RunState.DONE:
            continue
        try:
            results, measured = DISTIL.results_of(run), _measured_alike(run)
        except (ExplorerError, OSError):
            continue
        if results is not None:
            groups.setdefault(measured, []).append((run, results))
    return [_study(group) for group in groups.values()]


def _study(group: list[tuple[Run, DistillationResults]]) -> SizeStudy:
    newest, results = group[0]
    recipe = distillation_recipe(newest)
    points = [_point(run, each) for run, each in group]
    return SizeStudy(
        points=tuple(sorted(points, key=lambda each: (each.trained_parameters, each.run_id))),
        base=results.base.pass_at_1,
        teacher=results.teacher.pass_at_1,
        label=results.student.label,
        temperature=recipe.evaluation.temperature,
        top_p=recipe.evaluation.top_p,
        seed=recipe.seed,
    )


def _point(run: Run, results: DistillationResults) -> SizePoint:
    training = results.training
    return SizePoint(
        run_id=run.id,
        rank=training.rank,
        target_modules=training.target_modules,
        trained_parameters=training.trained_parameters,
        trained_share=training.trained_share,
        accuracy=results.student.pass_at_1,
        against_teacher=results.against_teacher.difference,
        against_base=results.against_base.difference,
    )


def _models(run: Run) -> tuple[str, str] | None:
    try:
        spec, teacher = distillation_models(run)
    except ExplorerError:
        return None
    return spec.model, teacher


def _measured_alike(run: Run) -> str:
    """Equal for runs that sampled the same problems in the same way."""
    recipe = distillation_recipe(run)
    how = recipe.sampling_settings(recipe.evaluation).model_dump(
        exclude={"batch_size", "prompt_date"}
    )
    problems = [(each.id, each.question, each.answer) for each in run.problems(EVALUATION)]
    return hashlib.sha256(repr((how, problems)).encode("utf-8", "replace")).hexdigest()
