"""`fork-explorer interventions`: every arm on a problem set, with its controls."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import typer

from core.cli.files import given_problems
from core.cli.models import model_spec
from core.cli.options import (
    Adapter,
    AsJson,
    BatchSize,
    Device,
    Dtype,
    MaxNewTokens,
    Model,
    Out,
    Problems,
    PromptDate,
    PromptStyle,
    Quantization,
    RemoteCode,
    Resume,
    Revision,
    RunDir,
    RunName,
    RunsDir,
    Sample,
    Seed,
    Template,
)
from core.cli.run_command import long_work
from core.runs.config import RunPlan


def interventions(
    ctx: typer.Context,
    model: Model = "demo",
    adapter: Adapter = None,
    teacher: Annotated[
        str | None,
        typer.Option(
            help="Folder of an adapter for the model, a model of the same vocabulary, or"
            ' "demo-teacher".'
        ),
    ] = None,
    problems: Problems = None,
    sample: Sample = None,
    arms: Annotated[
        str | None, typer.Option(help="Arms by comma, such as base_only,oracle; all by default.")
    ] = None,
    positions: Annotated[
        int, typer.Option("-k", "--positions", help="Highest-entropy positions of base-only.")
    ] = 5,
    tau: Annotated[float, typer.Option(help="Threshold of the entropy gate, in nats.")] = 1.2,
    first_k: Annotated[int, typer.Option(help="Tokens of the first-k oracle.")] = 2,
    seed: Seed = 0,
    max_new_tokens: MaxNewTokens = 256,
    prompt_style: PromptStyle = None,
    template: Template = None,
    prompt_date: PromptDate = None,
    batch_size: BatchSize = 64,
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
    """Put tokens into greedy chains, and see which change the answer.

    Every problem is decoded once for every arm: the base alone, no-op, the top alternatives at
    its highest-entropy positions (base-only), and, with a teacher, the oracle, the entropy gate
    and their controls.
    """
    from transformers.utils import logging

    from core.interventions.task import INTERVENTIONS, plan_interventions
    from core.problems.problem_sets import demo_problems

    logging.disable_progress_bar()

    def prepare() -> RunPlan:
        return plan_interventions(
            model_spec(model, adapter, device, dtype, trust_remote_code, revision, quantization),
            demo_problems() if problems is None else given_problems(problems),
            {
                "arms": None if arms is None else [arm.strip() for arm in arms.split(",")],
                "positions": positions,
                "tau": tau,
                "first_k": first_k,
                "seed": seed,
                "max_new_tokens": max_new_tokens,
                "prompt_style": prompt_style,
                "template": template,
                "prompt_date": prompt_date,
                "batch_size": batch_size,
            },
            teacher=teacher,
            sample=sample,
        )

    long_work(
        ctx,
        partial(INTERVENTIONS.carry_out, trust_remote_code=trust_remote_code),
        prepare,
        run=run,
        runs_dir=runs_dir,
        name=name,
        resume=resume,
        as_json=as_json,
        out=out,
        show=_show,
    )


def _show(results: Any) -> None:
    for arm in results["arms"]:
        line = f"{arm['label']:29} {_interval(arm['accuracy'])}"
        comparison, put, sweep = arm["comparison"], arm["put"], arm["sweep"]
        if comparison is not None:
            gained, lost = len(comparison["gained"]), len(comparison["lost"])
            line += f"  {comparison['word']}, +{gained} -{lost} problems"
        if put is not None:
            line += f", {put['changed_per_chain']:.2f} tokens changed a chain"
        print(line)
        if sweep is not None:
            print(
                f"{'':29} per token: {sweep['attempts_right']} of {sweep['attempts']} rescue, "
                f"{_interval(sweep['rescues'])}; per chain: {sweep['chains_recovered']} of "
                f"{sweep['recovered']['n']}, {_interval(sweep['recovered'])}"
            )


def _interval(estimate: dict[str, float | None]) -> str:
    value, low, high = estimate["value"], estimate["low"], estimate["high"]
    return "unknown" if value is None else f"{value:.3f} [{low:.3f}, {high:.3f}]"
