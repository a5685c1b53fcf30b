"""`fork-explorer compare`: where a teacher would have chosen another token."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.option_groups import GivenSettings, SettingOptions, grouped
from core.cli.options import ModelOptions, OutputOptions, ProblemOptions, RunOptions
from core.cli.run_command import kind_work, long_work
from core.cli.thresholds import entropies_of, plan_with_shares
from core.disagreement.settings import CompareSettings
from core.runs.config import RunPlan
from core.system.percent import percent as in_percent
from core.system.terminal_text import printable

if TYPE_CHECKING:
    from core.disagreement.divergence import DivergenceSummary
    from core.statistics import Estimate

_LABEL = 30  # characters


@grouped
def compare(
    ctx: typer.Context,
    model: ModelOptions,
    teacher: Annotated[
        list[str] | None,
        typer.Option(
            help="Folder of an adapter for the model, a model of the same vocabulary, or"
            ' "demo-teacher"; may be given several times.',
            show_default="demo-teacher for the demo",
        ),
    ] = None,
    *,
    problems: ProblemOptions,
    settings: Annotated[GivenSettings, SettingOptions(CompareSettings)],
    run: RunOptions,
    output: OutputOptions,
) -> None:
    """Read the base's greedy chains with one or more teachers: unshifted, reranked, shifted.

    At every position the teacher is asked for its most probable token on the same prefix. It is
    unshifted where the base agrees, reranked where the base has it among its top five, shifted
    elsewhere.
    """
    from core.disagreement.task import plan_comparison
    from core.models.spec import DEMO, DEMO_TEACHER

    work = kind_work(model)

    def prepare() -> RunPlan:
        spec, chosen = model.spec(), problems.problem_set()
        teachers = teacher or ([DEMO_TEACHER] if model.model == DEMO else [])
        return plan_with_shares(
            settings,
            CompareSettings(),
            lambda how: plan_comparison(
                spec, chosen, how.model_dump(), teachers=teachers, sample=problems.sample
            ),
            entropies_of(spec, chosen, problems.set_name, work.load, quiet=output.as_json),
        )

    long_work(ctx, work, prepare, run=run, output=output, show=_show)


def _show(data: Any) -> None:
    from core.disagreement import paper
    from core.disagreement.results import CompareResults

    results = CompareResults.from_json(data)
    print(f"{results.n} greedy chains of the {results.along}; 95 % intervals over chains")
    _line(f"{results.along}, accuracy", results.accuracy)
    for each in results.teachers:
        print(printable(f"teacher {each.teacher}: {each.tokens} tokens"))
        percent = partial(_line, scale=100, unit=" %")
        percent("unshifted", each.unshifted, paper.UNSHIFTED)
        percent("reranked", each.reranked, paper.RERANKED)
        percent("shifted", each.shifted, paper.SHIFTED)
        _line("changed tokens per chain", each.changed_per_chain)
        _line("mean base rank of changes", each.mean_base_rank, paper.MEAN_BASE_RANK)
        _line("base entropy at changes, nats", each.entropy_changed)
        _line("base entropy elsewhere, nats", each.entropy_unshifted)
        _line("entropy ratio", each.entropy_ratio, paper.ENTROPY_RATIO)
        _line("JS divergence, nats per token", each.js_divergence)
        percent(f"share of the divergence where H > {results.tau:g}", each.js_above_tau)
        if each.divergence is not None:
            _show_divergence(each.divergence, results.tau)


def _show_divergence(found: DivergenceSummary, tau: float) -> None:
    from core.disagreement import paper
    from core.disagreement.divergence import DIVERGENT, NEAR_ZERO, TOP_SHARE

    percent = partial(_line, scale=100, unit=" %")
    percent(f"tokens with divergence < {NEAR_ZERO:g}", found.near_zero)
    for level in found.levels:
        _line(f"divergence of the top {in_percent(level.share, 0)}", level.divergence)
    percent(f"tokens with divergence > {DIVERGENT:g}", found.divergent)
    percent(f"of these, where H <= {tau:g}", found.divergent_but_sure)
    for each in found.within_top:
        papers = paper.WITHIN_TOP_3 if each.k == 3 else None
        percent(f"changes within the base's top {each.k}", each.share, papers)
    if found.overlap is not None:
        percent("top-5 tokens that both have", found.overlap)
    if found.entropy_teacher is not None:
        _line("teacher's entropy, nats", found.entropy_teacher)
    if found.top_entropy_overlap is not None:
        percent(f"top {in_percent(TOP_SHARE, 0)} by entropy of both", found.top_entropy_overlap)
    along = " ".join(f"{each.value:.4f}" for each in found.profile)
    print(f"  {'divergence along the chain, nats':{_LABEL}} {along}, from start to end")


def _line(
    label: str,
    estimate: Estimate,
    papers: tuple[float, float] | None = None,
    *,
    scale: float = 1,
    unit: str = "",
) -> None:
    says = ""
    if papers is not None:
        low, high = (f"{scale * end:g}" for end in papers)
        says = f"  (paper: {low if low == high else f'{low} to {high}'}{unit})"
    value, interval = f"{scale * estimate.value:.3f}{unit}", estimate.brackets(scale=scale)
    print(f"  {label:{_LABEL}} {value} {interval}, n = {estimate.n}{says}")
