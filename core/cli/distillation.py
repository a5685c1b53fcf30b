"""`fork-explorer distill`: a teacher's difference, taught to a small adapter."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from core.cli.files import given_problems
from core.cli.models import model_spec
from core.cli.options import (
    AsJson,
    Device,
    Dtype,
    Model,
    Out,
    PromptDate,
    PromptStyle,
    Quantization,
    RemoteCode,
    Resume,
    Revision,
    RunDir,
    RunName,
    RunsDir,
    Template,
    path_option,
)
from core.cli.recipes import (
    BatchSize,
    Given,
    MaxNewTokens,
    Sample,
    Seed,
    Set,
    UsdPerHour,
    changed_recipe,
)
from core.cli.run_command import long_work
from core.runs.config import RunPlan


def distill(
    ctx: typer.Context,
    model: Model = "demo",
    teacher: Annotated[
        str | None,
        typer.Option(help="Folder of an adapter for the model, or a model of the same vocabulary."),
    ] = None,
    problems: Annotated[
        Path | None,
        path_option(help="A problem file for the teacher to solve; the demo's when not given."),
    ] = None,
    eval_problems: Annotated[
        Path | None,
        path_option(help="A problem file to measure on; the demo's when not given."),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help="demo or paper.", show_default="demo for the demo model, else paper"),
    ] = None,
    rank: Annotated[
        int | None, typer.Option(min=1, help="Of the adapter.", show_default="the preset's, 32")
    ] = None,
    targets: Annotated[
        str | None,
        typer.Option(
            help="Layers by comma, such as o_proj.",
            show_default="the preset's, q_proj,k_proj,v_proj,o_proj",
        ),
    ] = None,
    teacher_from: Annotated[
        Path | None,
        path_option(
            metavar="RUN",
            help="Take the teacher's rollouts and accuracies over from this finished distillation.",
        ),
    ] = None,
    seed: Seed = None,
    sample: Sample = None,
    max_new_tokens: MaxNewTokens = None,
    prompt_style: PromptStyle = None,
    template: Template = None,
    prompt_date: PromptDate = None,
    batch_size: BatchSize = None,
    settings: Set = None,
    usd_per_hour: UsdPerHour = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    trust_remote_code: RemoteCode = False,
    revision: Revision = None,
    quantization: Quantization = "none",
    run: RunDir = None,
    runs_dir: RunsDir = None,
    name: RunName = "",
    resume: Resume = False,
    as_json: AsJson = False,
    out: Out = None,
) -> None:
    """Distil a teacher into a LoRA adapter of the model, and say how near it comes.

    The teacher solves problems; the student, which is the model with an adapter, is pulled to its
    distributions along these chains; then base, teacher and student are measured on problems that
    were not learned from. The adapter is in the run's folder, under adapter/.
    """
    from transformers.utils import logging

    from core.distillation.plan import plan_distillation
    from core.distillation.recipe import recipe_of
    from core.distillation.results import distillation_models
    from core.errors import RunError
    from core.models.spec import DEMO
    from core.problems.problem_sets import demo_problems, demo_training_problems

    logging.disable_progress_bar()

    of_demo = False

    def prepare() -> RunPlan:
        if teacher is None:
            raise RunError(
                "No teacher is named.",
                "Give --teacher: the folder of an adapter, or a model of the same vocabulary.",
            )
        shared = Given(
            seed, sample, max_new_tokens, prompt_style, template, prompt_date, batch_size
        )
        given = {
            **shared.changes(),
            "training.lora_rank": rank,
            "training.target_modules": targets,
            "usd_per_hour": usd_per_hour,
        }
        start = recipe_of(preset or ("demo" if model == DEMO else "paper"))
        return plan_distillation(
            model_spec(model, None, device, dtype, trust_remote_code, revision, quantization),
            teacher,
            demo_training_problems() if problems is None else given_problems(problems),
            demo_problems() if eval_problems is None else given_problems(eval_problems),
            changed_recipe(start, settings, given),
            teacher_from=teacher_from,
        )

    def task(work: Any) -> None:
        from core.distillation.task import DISTIL

        nonlocal of_demo
        of_demo = distillation_models(work.run)[0].model == DEMO
        DISTIL.carry_out(work, trust_remote_code=trust_remote_code)

    long_work(
        ctx,
        task,
        prepare,
        run=run,
        runs_dir=runs_dir,
        name=name,
        resume=resume,
        as_json=as_json,
        out=out,
        show=lambda results: _show(results, of_demo),
    )


def _show(data: Any, of_demo: bool) -> None:
    from core.distillation.results import DistillationResults
    from core.models.spec import DEMO_NOTICE

    results = DistillationResults.from_json(data)
    learned, training, cost = results.rollouts, results.training, results.cost
    print(
        f"Learned from {learned.rollouts} rollouts of {learned.problems} problems by the teacher, "
        f"{learned.right} of them right; its top {learned.top_k} tokens at {learned.tokens:,} "
        f"positions have {learned.kept_mass:.4%} of its probability"
    )
    print(
        f"Rank {training.rank} on {', '.join(training.target_modules)}: "
        f"{training.trained_parameters:,} parameters, {training.trained_share:.2%} of the base's "
        f"{training.parameters:,}"
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
    seconds = ", ".join(f"{phase} {took:.0f} s" for phase, took in cost.seconds.items())
    print(
        f"{training.steps} steps; {cost.total_seconds:.0f} s ({seconds}), "
        f"{cost.usd:.2f} dollars at {cost.usd_per_hour:g} an hour, "
        f"{cost.peak_memory_bytes / 2**20:.0f} MiB"
    )
    if of_demo:
        print(DEMO_NOTICE)
