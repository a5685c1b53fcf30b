"""`fork-explorer rollouts` and `train`: ReasonMaxxer, with the accuracy before and after."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.evaluation import print_comparison
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
from core.cli.run_command import long_work, was_given
from core.runs.config import RunPlan

if TYPE_CHECKING:
    from core.reasonmaxxer.recipe import Recipe

Problems = Annotated[
    Path | None, path_option(help="A problem file to learn from; the demo's when not given.")
]
Preset = Annotated[
    str | None,
    typer.Option(
        help="demo, paper or careful.", show_default="demo for the demo model, else paper"
    ),
]
Rollouts = Annotated[
    int | None, typer.Option("-k", min=2, help="Rollouts a problem.", show_default="the preset's")
]


_OF_ROLLOUTS = (
    "model", "problems", "sample", "seed", "k", "max_new_tokens", "prompt_style", "template",
    "prompt_date",
    "device", "dtype", "revision", "quantization",
)  # fmt: skip


def rollouts(
    ctx: typer.Context,
    model: Model = "demo",
    problems: Problems = None,
    preset: Preset = None,
    k: Rollouts = None,
    seed: Seed = None,
    sample: Sample = None,
    max_new_tokens: MaxNewTokens = None,
    prompt_style: PromptStyle = None,
    template: Template = None,
    prompt_date: PromptDate = None,
    batch_size: BatchSize = None,
    settings: Set = None,
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
    """Sample rollouts of training problems, to try gates on and to train from (train --rollouts).

    The settings are those of `train`, whose preset says how they are sampled.
    """
    from transformers.utils import logging

    from core.reasonmaxxer.plan import plan_rollouts

    logging.disable_progress_bar()

    def prepare() -> RunPlan:
        shared = Given(
            seed, sample, max_new_tokens, prompt_style, template, prompt_date, batch_size
        )
        given = {**shared.changes(), "rollouts.samples": k}
        recipe = changed_recipe(_start(model, preset), settings, given)
        spec = model_spec(model, None, device, dtype, trust_remote_code, revision, quantization)
        return plan_rollouts(spec, _training_problems(problems), recipe)

    def task(work: Any) -> None:
        from core.reasonmaxxer.task import SAMPLE_ROLLOUTS

        SAMPLE_ROLLOUTS.carry_out(work, trust_remote_code=trust_remote_code)

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
        show=_show_rollouts,
    )


def train(
    ctx: typer.Context,
    model: Model = "demo",
    problems: Problems = None,
    eval_problems: Annotated[
        Path | None,
        path_option(help="A problem file for before and after; the demo's when not given."),
    ] = None,
    preset: Preset = None,
    rollouts: Annotated[
        Path | None,
        path_option(metavar="RUN", help="Learn from the rollouts of this run."),
    ] = None,
    k: Rollouts = None,
    tau: Annotated[
        float | None, typer.Option(help="Threshold of the gate, in nats.", show_default="preset's")
    ] = None,
    gate: Annotated[
        str | None,
        typer.Option(help="threshold, top-fraction, or a control: random, low-entropy, all."),
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
    """Fine-tune with ReasonMaxxer, and say what it did to the accuracy.

    Rollouts of the base, a gate that keeps the decision points, a contrastive loss there and an
    anchor elsewhere, a LoRA adapter, and the accuracy before and after on problems that were not
    trained on. The adapter is in the run's folder, under adapter/.
    """
    from transformers.utils import logging

    from core.models.spec import DEMO
    from core.problems.problem_sets import demo_problems
    from core.reasonmaxxer.plan import plan_training
    from core.runs.models import read_model

    logging.disable_progress_bar()

    of_demo = False

    def prepare() -> RunPlan:
        if rollouts is not None:
            _refuse_what_rollouts_have(ctx, settings)
        shared = Given(
            seed, sample, max_new_tokens, prompt_style, template, prompt_date, batch_size
        )
        recipe = changed_recipe(
            _start(model, preset, rollouts),
            settings,
            {
                **shared.changes(),
                "rollouts.samples": k,
                "gate.tau": tau,
                "gate.kind": gate,
                "usd_per_hour": usd_per_hour,
            },
        )
        return plan_training(
            model_spec(model, None, device, dtype, trust_remote_code, revision, quantization),
            [] if rollouts is not None else _training_problems(problems),
            demo_problems() if eval_problems is None else given_problems(eval_problems),
            recipe,
            rollouts=rollouts,
        )

    def task(work: Any) -> None:
        from core.reasonmaxxer.task import TRAIN

        nonlocal of_demo
        of_demo = read_model(work.run.config.model).model == DEMO
        TRAIN.carry_out(work, trust_remote_code=trust_remote_code)

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
        show=lambda results: _show_training(results, of_demo),
    )


def _refuse_what_rollouts_have(ctx: typer.Context, settings: list[str] | None) -> None:
    """What is given beside --rollouts must not be what the rollouts have decided already."""
    from core.errors import RunError
    from core.reasonmaxxer.rollouts import OF_ROLLOUTS

    given = [f"--{name.replace('_', '-')}" for name in _OF_ROLLOUTS if was_given(ctx, name)]
    for each in settings or []:
        name = each.partition("=")[0].strip()
        if name.partition(".")[0] in OF_ROLLOUTS or name == "held_out.problems":
            given.append(f"--set {name}")
    if given:
        raise RunError(
            f"The rollouts of a run bring their own, so {', '.join(given)} can't be given.",
            "Leave it out, or sample new rollouts: leave --rollouts out.",
        )


def _training_problems(path: Path | None) -> Any:
    from core.problems.problem_sets import demo_training_problems

    return demo_training_problems() if path is None else given_problems(path)


def _start(model: str, preset: str | None, rollouts: Path | None = None) -> Recipe:
    """The recipe that what is given changes."""
    from core.models.spec import DEMO
    from core.reasonmaxxer.recipe import recipe_of
    from core.reasonmaxxer.results import run_recipe
    from core.runs.run import Run

    if rollouts is not None and preset is None:
        return run_recipe(Run.open(rollouts))
    return recipe_of(preset or ("demo" if model == DEMO else "paper"))


def _show_rollouts(data: Any) -> None:
    results = data["pass_at_k"][0]["estimate"]
    print(
        f"{data['n']} problems, {data['samples']} rollouts each; pass@1 {results['value']:.3f} "
        f"[{results['low']:.3f}, {results['high']:.3f}]"
    )


def _show_training(data: Any, of_demo: bool) -> None:
    from core.models.spec import DEMO_NOTICE
    from core.reasonmaxxer.results import TrainingResults

    results = TrainingResults.from_json(data)
    selection, training, cost = results.selection, results.training, results.cost
    print(
        f"Learned from {selection.right} right and {selection.wrong} wrong rollouts of "
        f"{len(selection.problems)} problems; {selection.decisions} of {selection.tokens} tokens "
        f"({selection.gated_share:.1%}) are decision points"
    )
    print_comparison(results.comparison, "The tuned model against its base", "after")
    seconds = ", ".join(f"{phase} {took:.0f} s" for phase, took in cost.seconds.items())
    print(
        f"{training.steps} steps; {cost.total_seconds:.0f} s ({seconds}), "
        f"{cost.usd:.2f} dollars at {cost.usd_per_hour:g} an hour, "
        f"{cost.peak_memory_bytes / 2**20:.0f} MiB"
    )
    for warning in training.warnings:
        print(f"Warning: {warning}")
    if of_demo:
        print(DEMO_NOTICE)
