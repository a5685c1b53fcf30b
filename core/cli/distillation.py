"""`fork-explorer distill`: distils a teacher into a small LoRA adapter."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.option_groups import GivenSettings, grouped
from core.cli.options import ModelOptions, OutputOptions, RunOptions, path_option
from core.cli.recipes import LearningProblems, print_cost, recipe_options
from core.cli.run_command import kind_work, long_work
from core.distillation.recipe import PRESETS, DistillationRecipe
from core.errors import RunError
from core.runs.config import RunPlan
from core.system.percent import percent

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class _TeacherOptions:
    teacher: Annotated[
        str | None,
        typer.Option(help="Folder of an adapter for the model, or a model of the same vocabulary."),
    ] = None
    teacher_from: Annotated[
        Path | None,
        path_option(
            metavar="RUN",
            help="Take the teacher's rollouts and accuracies over from this finished distillation.",
        ),
    ] = None


DistillationPreset = Annotated[
    str | None,
    typer.Option(help=f"{', '.join(PRESETS)}.", show_default="demo for the demo model, else paper"),
]


def named_teacher(teacher: str | None) -> str:
    """The teacher that was given.

    Raises:
        RunError: none was.
    """
    if teacher is None:
        raise RunError(
            "No teacher is named.",
            "Give --teacher: the folder of an adapter, or a model of the same vocabulary.",
        )
    return teacher


@grouped
def distill(
    ctx: typer.Context,
    model: ModelOptions,
    teacher: _TeacherOptions,
    problems: LearningProblems,
    preset: DistillationPreset = None,
    *,
    settings: Annotated[
        GivenSettings,
        recipe_options(
            DistillationRecipe,
            {
                "rank": "training.lora_rank",
                "targets": "training.target_modules",
                "report_to": "training.report_to",
                "usd_per_hour": "usd_per_hour",
            },
        ),
    ],
    run: RunOptions,
    output: OutputOptions,
) -> None:
    """Distil a teacher into a LoRA adapter of the model, and say how close it gets.

    The teacher solves problems; the student, which is the model with an adapter, is pulled to its
    distributions along these chains; then base, teacher and student are measured on problems that
    were not learned from. The adapter is in the run's folder, under adapter/.
    """
    from core.distillation.plan import plan_distillation
    from core.distillation.recipe import recipe_of
    from core.models.spec import DEMO

    def prepare() -> RunPlan:
        start = recipe_of(preset or ("demo" if model.model == DEMO else "paper"))
        return plan_distillation(
            model.spec(),
            named_teacher(teacher.teacher),
            problems.to_learn_from(),
            problems.to_measure_on(),
            settings.changed(start),
            teacher_from=teacher.teacher_from,
        )

    long_work(ctx, kind_work(model), prepare, run=run, output=output, show=_show)


def _show(data: Any) -> None:
    from core.distillation.results import DistillationResults

    results = DistillationResults.from_json(data)
    learned, training, cost = results.rollouts, results.training, results.cost
    print(
        f"Learned from {learned.rollouts} rollouts of {learned.problems} problems by the teacher, "
        f"{learned.right} of them correct; its top {learned.top_k} tokens at {learned.tokens:,} "
        f"positions have {percent(learned.kept_mass, 4)} of its probability"
    )
    print(
        f"Rank {training.rank} on {', '.join(training.target_modules)}: "
        f"{training.trained_parameters:,} parameters, "
        f"{percent(training.trained_share, 2)} of the base's {training.parameters:,}"
    )
    print(f"{results.student.label}; 95 % intervals over problems")
    for name, result in (
        ("base", results.base),
        ("teacher", results.teacher),
        ("student", results.student),
    ):
        print(f"{name:23} {result.pass_at_1}")
    for name, found in (
        ("student less teacher", results.against_teacher),
        ("student less base", results.against_base),
    ):
        gap = found.difference
        print(
            f"{name:23} {gap.value:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}], n = {gap.n}: "
            f"{found.word}"
        )
    print_cost(training.steps, cost)
