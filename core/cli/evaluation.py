"""`fork-explorer evaluate`: pass@k and majority vote of a model on a problem set."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.option_groups import GivenSettings, SettingOptions, grouped
from core.cli.options import (
    EngineRunOptions,
    ModelOptions,
    OutputOptions,
    ProblemOptions,
    path_option,
)
from core.cli.run_command import kind_work, long_work
from core.evaluation.protocols import ProtocolName, protocol_values
from core.evaluation.settings import EvaluationSettings
from core.runs.config import RunPlan
from core.runs.settings import changed
from core.system.terminal_text import printable

if TYPE_CHECKING:
    from core.evaluation.comparison import EvaluationComparison
    from core.statistics import Estimate

_LABEL = 34  # characters
_NAMED = 20  # problems that are named


@grouped
def evaluate(
    ctx: typer.Context,
    model: ModelOptions,
    problems: ProblemOptions,
    settings: Annotated[
        GivenSettings,
        SettingOptions(EvaluationSettings, flags={"samples": ("-n", "--samples")}),
    ],
    against: Annotated[
        Path | None,
        path_option(
            metavar="RUN",
            help="Folder of an earlier evaluation, to compare with; its problems are taken when "
            "--problems is not given.",
        ),
    ] = None,
    *,
    run: EngineRunOptions,
    output: OutputOptions,
) -> None:
    """Sample every problem, and count the correct answers: pass@1, pass@k, majority vote.

    With --against, the difference to an earlier evaluation of the same problems, paired by
    problem: better or worse is said only where its 95 % interval excludes 0.
    """
    from core.evaluation.task import plan_evaluation
    from core.runs.run import Run

    def prepare() -> RunPlan:
        if against is None or problems.problems is not None:
            chosen = problems.problem_set()
        else:
            chosen = list(Run.open(against).problems())
        spec, asked = model.spec(), settings.changed(_start(settings, problems.set_name))
        return plan_evaluation(
            spec,
            chosen,
            asked.model_dump(),
            sample=problems.sample,
            against=against,
            engine=run.found_engine(spec, keeps_entropy=asked.keep_entropy),
        )

    long_work(ctx, kind_work(model, run), prepare, run=run, output=output, show=_show)


def _start(settings: GivenSettings, problem_set: str) -> EvaluationSettings:
    """The settings that the given ones change: the protocol's, or the defaults."""
    try:
        protocol = ProtocolName(settings.values.get("protocol", ProtocolName.NONE))
    except ValueError:  # the settings say which there are
        protocol = ProtocolName.NONE
    return changed(EvaluationSettings(), protocol_values(protocol, problem_set))


def _show(data: Any) -> None:
    from core.evaluation.results import NO_FAMILY, EvaluationResults

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
    if results.at_forks is not None:
        _line("tokens at the fork temperature", results.at_forks)
    for family in results.families:
        _line(f"pass@1 of {family.family or NO_FAMILY}", family.pass_at_1)
    if results.comparison is not None:
        print_comparison(results.comparison)


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
        f"Solved (more than half of the samples correct): {found.solved_before} before, "
        f"{found.solved_after} {after}; McNemar p = {found.mcnemar_p:.2g}"
    )
    for word, ids in (("gained", found.gained), ("lost", found.lost)):
        shown = ", ".join(ids[:_NAMED]) + (", ..." if len(ids) > _NAMED else "")
        print(printable(f"{word} {len(ids)}{': ' * bool(ids)}{shown}"))


def _line(label: str, estimate: Estimate, *, digits: int = 3, sign: bool = False) -> None:
    value = format(estimate.value, f"{'+' * sign}.{digits}f")
    interval = estimate.brackets(digits, sign=sign)
    print(f"{printable(label):{_LABEL}} {value} {interval}, n = {estimate.n}")
