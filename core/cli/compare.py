"""`fork-explorer compare`: what would a teacher have chosen otherwise, token by token?"""

from __future__ import annotations

from functools import partial
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
from core.system.terminal_text import printable

if TYPE_CHECKING:
    from core.runs.context import RunContext
    from core.statistics import Estimate

_LABEL = 30  # characters


def compare(
    ctx: typer.Context,
    model: Model = "demo",
    adapter: Adapter = None,
    teacher: Annotated[
        list[str] | None,
        typer.Option(
            help="Folder of an adapter for the model, a model of the same vocabulary, or"
            ' "demo-teacher"; may be given several times.',
            show_default="demo-teacher for the demo",
        ),
    ] = None,
    problems: Problems = None,
    sample: Sample = None,
    tau: Annotated[
        float, typer.Option(help="Nats, for the share of the divergence above it.")
    ] = 1.2,
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
    """Read the base's greedy chains with one or more teachers: unshifted, reranked, shifted.

    At every position the teacher is asked for its most probable token on the same prefix. It is
    unshifted where the base agrees, reranked where the base has it among its top five, shifted
    elsewhere.
    """
    from transformers.utils import logging

    from core.disagreement.task import COMPARE, compared_models, plan_comparison
    from core.models.spec import DEMO, DEMO_TEACHER
    from core.problems.problem_sets import demo_problems

    logging.disable_progress_bar()
    of_demo = False

    def prepare() -> RunPlan:
        return plan_comparison(
            model_spec(model, adapter, device, dtype, trust_remote_code, revision, quantization),
            demo_problems() if problems is None else given_problems(problems),
            {
                "tau": tau,
                "seed": seed,
                "max_new_tokens": max_new_tokens,
                "prompt_style": prompt_style,
                "template": template,
                "prompt_date": prompt_date,
                "batch_size": batch_size,
            },
            teachers=teacher or ([DEMO_TEACHER] if model == DEMO else []),
            sample=sample,
        )

    def task(work: RunContext) -> None:
        nonlocal of_demo
        of_demo = compared_models(work.run)[0].model == DEMO
        COMPARE.carry_out(work, trust_remote_code=trust_remote_code)

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
    from core.disagreement import paper
    from core.disagreement.results import CompareResults
    from core.models.spec import DEMO_NOTICE

    results = CompareResults.from_json(data)
    print(f"{results.n} greedy chains of the base; 95 % intervals over chains")
    _line("base, accuracy", results.accuracy)
    for each in results.teachers:
        print(printable(f"teacher {each.teacher}: {each.tokens} tokens"))
        percent = partial(_line, scale=100, unit=" %")
        percent("unshifted", each.unshifted, paper.UNSHIFTED)
        percent("reranked", each.reranked, paper.RERANKED)
        percent("shifted", each.shifted, paper.SHIFTED)
        _line("changed tokens a chain", each.changed_per_chain)
        _line("mean base rank of them", each.mean_base_rank, paper.MEAN_BASE_RANK)
        _line("base entropy there, nats", each.entropy_changed)
        _line("base entropy elsewhere, nats", each.entropy_unshifted)
        _line("ratio of these", each.entropy_ratio, paper.ENTROPY_RATIO)
        _line("JS divergence, nats a token", each.js_divergence)
        percent(f"of it where H > {results.tau:g}", each.js_above_tau)
    if of_demo:
        print(DEMO_NOTICE)


def _line(
    label: str,
    estimate: Estimate,
    papers: tuple[float, float] | None = None,
    *,
    scale: float = 1,
    unit: str = "",
) -> None:
    parts = [f"{scale * part:.3f}" for part in (estimate.value, estimate.low, estimate.high)]
    says = ""
    if papers is not None:
        low, high = (f"{scale * end:g}" for end in papers)
        says = f"  (paper: {low if low == high else f'{low} to {high}'}{unit})"
    print(f"  {label:{_LABEL}} {parts[0]}{unit} [{parts[1]}, {parts[2]}], n = {estimate.n}{says}")
