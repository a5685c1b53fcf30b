"""`fork-explorer evaluate`: how often a model solves the problems of a set."""

from __future__ import annotations

from functools import partial
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    path_option,
)
from core.cli.run_command import long_work
from core.runs.config import RunPlan
from core.system.terminal_text import printable

if TYPE_CHECKING:
    from core.evaluation.comparison import EvaluationComparison
    from core.records import Problem
    from core.runs.context import RunContext
    from core.statistics import Estimate

_SAMPLES = 4
_LABEL = 34  # characters
_NAMED = 20  # problems that are named


def evaluate(
    ctx: typer.Context,
    model: Model = "demo",
    adapter: Adapter = None,
    problems: Annotated[
        Path | None,
        path_option(
            help="A JSONL, JSON, CSV, TSV or Parquet file; when not given, the problems of "
            "--against, else the demo's."
        ),
    ] = None,
    sample: Sample = None,
    samples: Annotated[
        int | None,
        typer.Option("-n", "--samples", help="Chains a problem.", show_default="4; 1 when greedy"),
    ] = None,
    temperature: Annotated[float, typer.Option(help="Of the samples; 0 is greedy.")] = 0.6,
    top_p: Annotated[float, typer.Option(help="Of the samples.")] = 0.95,
    against: Annotated[
        Path | None,
        path_option(metavar="RUN", help="Folder of an evaluation of the same problems."),
    ] = None,
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
    """Sample every problem, and count what is right: pass@1, pass@k, majority vote.

    With --against, the difference to an earlier evaluation of the same problems, paired by
    problem: better or worse is said only where its 95 % interval excludes 0.
    """
    from transformers.utils import logging

    from core.evaluation.task import EVALUATE, plan_evaluation
    from core.models.spec import DEMO
    from core.problems.problem_sets import demo_problems
    from core.runs.models import read_model
    from core.runs.run import Run

    logging.disable_progress_bar()
    of_demo = False

    def problem_set() -> list[Problem]:
        if problems is not None:
            return given_problems(problems)
        return demo_problems() if against is None else Run.open(against).problems()

    def prepare() -> RunPlan:
        drawn = _SAMPLES if temperature else 1
        return plan_evaluation(
            model_spec(model, adapter, device, dtype, trust_remote_code, revision, quantization),
            problem_set(),
            {
                "samples": drawn if samples is None else samples,
                "temperature": temperature,
                "top_p": top_p,
                "seed": seed,
                "max_new_tokens": max_new_tokens,
                "prompt_style": prompt_style,
                "template": template,
                "prompt_date": prompt_date,
                "batch_size": batch_size,
            },
            sample=sample,
            against=against,
        )

    def task(work: RunContext) -> None:
        nonlocal of_demo
        of_demo = read_model(work.run.config.model).model == DEMO
        EVALUATE.carry_out(work, trust_remote_code=trust_remote_code)

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
    from core.evaluation.results import NO_FAMILY, EvaluationResults
    from core.models.spec import DEMO_NOTICE

    results = EvaluationResults.from_json(data)
    print(f"{results.n} problems, {results.samples} samples each; 95 % intervals over problems")
    _line(results.label, results.pass_at_1)
    for point in results.pass_at_k[1:]:
        _line(f"pass@{point.k}", point.estimate)
    if results.samples > 1:
        _line(f"maj@{results.samples}", results.maj_at_k)
    _line("boxed", results.boxed)
    _line("truncated", results.truncated)
    _line("no answer found", results.unparseable)
    _line("mean length in tokens", results.mean_length, digits=1)
    for family in results.families:
        _line(f"pass@1 of {family.family or NO_FAMILY}", family.pass_at_1)
    if results.comparison is not None:
        print_comparison(results.comparison)
    if of_demo:
        print(DEMO_NOTICE)


def print_comparison(
    found: EvaluationComparison, of: str = "Against the earlier evaluation", after: str = "now"
) -> None:
    """Print an evaluation against an earlier one."""
    from core.evaluation.results import NO_FAMILY

    print(f"{of}: {found.word}")
    line = partial(_line, sign=True)
    _line("pass@1 before", found.before)
    _line(f"pass@1 {after}", found.after)
    line("difference", found.difference)
    for family in found.families:
        line(f"difference of {family.family or NO_FAMILY}", family.difference)
    line("boxed, difference", found.boxed)
    line("mean length, difference", found.mean_length, digits=1)
    print(
        f"Solved (more than half of the samples right): {found.solved_before} before, "
        f"{found.solved_after} {after}; McNemar p = {found.mcnemar_p:.2g}"
    )
    for word, ids in (("gained", found.gained), ("lost", found.lost)):
        shown = ", ".join(ids[:_NAMED]) + (", ..." if len(ids) > _NAMED else "")
        print(printable(f"{word} {len(ids)}{': ' * bool(ids)}{shown}"))


def _line(label: str, estimate: Estimate, *, digits: int = 3, sign: bool = False) -> None:
    form = f"{'+' * sign}.{digits}f"
    parts = [format(part, form) for part in (estimate.value, estimate.low, estimate.high)]
    interval = "[unknown]" if isnan(estimate.low) else f"[{parts[1]}, {parts[2]}]"
    print(f"{printable(label):{_LABEL}} {parts[0]} {interval}, n = {estimate.n}")
