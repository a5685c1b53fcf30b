"""`fork-explorer thresholds`, and thresholds that a command is given as a share of the tokens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import isnan
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from pydantic import BaseModel

from core.chains.prompting import PromptSettings
from core.cli.files import check_writable, interruptible, progress, say, write_result
from core.cli.models import load
from core.cli.option_groups import GivenSettings, SettingOptions, grouped
from core.cli.options import ModelOptions, OutputOptions, ProblemOptions, ProblemsFile
from core.models.spec import DEMO, DEMO_NOTICE, ModelSpec
from core.records import Problem
from core.runs.config import RunPlan
from core.system.json_text import json_text
from core.system.setting import setting_names
from core.system.terminal_text import printable
from core.thresholds.settings import ThresholdSettings

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel
    from core.statistics import Estimate
    from core.thresholds.measurement import EntropyMeasurement

_Settings = TypeVar("_Settings", bound=BaseModel)
_OPTIONS = {each: each for each in setting_names(ThresholdSettings)} | {"sample": "problems"}
del _OPTIONS["problems"]  # the file


@grouped
def thresholds(
    model: ModelOptions,
    problems: ProblemsFile = None,
    above: Annotated[
        list[float] | None,
        typer.Option(
            min=0, help="Share of tokens above this threshold in nats; may be given several times."
        ),
    ] = None,
    *,
    settings: Annotated[GivenSettings, SettingOptions(ThresholdSettings, _OPTIONS)],
    output: OutputOptions,
) -> None:
    """Which threshold of entropy the top 2, 5, 10 and 20 % of a model's tokens are above.

    One chain is generated on each of some problems, and its tokens up to the end of the answer
    count. The measurement is kept: with the same model, problems, prompt and sampler it is there at
    once, and --tau takes a share such as top5% wherever it takes nats.
    """
    check_writable(output.out)
    chosen = ProblemOptions(problems)
    how = settings.changed(ThresholdSettings())
    measure = entropies_of(
        model.spec(), chosen.problem_set(), chosen.set_name, quiet=output.as_json
    )
    found = measure(how)
    write_result(json_text(found.to_json(above or ())), output.as_json, output.out)
    if output.as_json:
        return
    on = found.on
    print(
        printable(
            f"{found.tokens:,} tokens of {found.problems} chains of {on.model} on "
            f"{on.problem_set}; 95 % intervals over chains"
        )
    )
    for each in found.offered:
        print(f"top {100 * each.share:3.0f} %  above {_interval(each.tau)} nats")
    for tau in above or ():
        share = found.share_above(tau)
        parts = [100 * part for part in (share.value, share.low, share.high)]
        print(f"above {tau:g} nats: {parts[0]:.1f} % [{parts[1]:.1f}, {parts[2]:.1f}]")
    if on.model == DEMO:
        print(DEMO_NOTICE)


def plan_with_shares(
    given: GivenSettings,
    start: _Settings,
    plan: Callable[[_Settings], RunPlan],
    measure: Callable[[_Settings], EntropyMeasurement],
) -> RunPlan:
    """The plan of a run, whose thresholds may be given as shares of the model's tokens: they become
    nats, and the plan says where these come from.

    Args:
        given: what a person gave.
        start: the settings that it changes.
        plan: makes the plan of a run.
        measure: measures entropies as settings ask; called after everything else was checked.

    Raises:
        ExplorerError: as `plan` and `measure`.
        RunError: a setting out of its range.
    """
    shares = given.shares
    if not shares:
        return plan(given.changed(start))
    settings = given.without_shares().changed(start)
    plan(settings)  # refuses what can't be run before the measurement
    measured = measure(settings)
    found = {name: measured.threshold(each.share) for name, each in shares.items()}
    for name, threshold in found.items():
        say(
            f"{name}: {shares[name]} of the tokens are above {_interval(threshold.tau)} nats "
            f"(n = {measured.tokens:,} tokens of {measured.problems} problems)."
        )
    nats = {name: each.tau.value for name, each in found.items()}
    made = plan(given.replaced(nats).changed(start))
    origins = {name: measured.origin(each) for name, each in found.items()}
    return replace(made, thresholds=origins)


def entropies_of(
    spec: ModelSpec,
    problems: Sequence[Problem],
    problem_set: str,
    loaded: Callable[[ModelSpec], LanguageModel] = load,
    *,
    quiet: bool,
) -> Callable[[PromptSettings], EntropyMeasurement]:
    """Measures a model's entropies, or takes those that were kept.

    Args:
        problem_set: the name of the problems.
        loaded: loads the model; `KindWork.load` leaves it to the run that follows.
        quiet: without a progress bar.

    Returns:
        Called with settings whose prompt and sampler are used; raises as `load_language_model` and
        `core.thresholds.store.measured`, and typer.Exit where Ctrl-C cancelled it.
    """

    def measure(settings: PromptSettings) -> EntropyMeasurement:
        from core.thresholds.store import measured

        lm = loaded(spec)
        bar: Any = None

        def on_begin(chains: int) -> None:
            nonlocal bar
            say(f"Measuring the entropies of {spec.model} on {problem_set}: {chains} chains.")
            bar = progress(chains, quiet)

        with interruptible() as stopped:
            found = measured(
                lm,
                problems,
                problem_set,
                ThresholdSettings.asked_as(settings),
                say=say,
                on_begin=on_begin,
                on_chain=lambda: bar.update(),
                cancel=stopped.is_set,
            )
        if bar is not None:
            bar.close()
        if found is None:
            say("Cancelled.")
            raise typer.Exit(130)
        return found

    return measure


def _interval(tau: Estimate) -> str:
    known = "unknown" if isnan(tau.low) else f"{tau.low:.4g}, {tau.high:.4g}"
    return f"{tau.value:.4g} [{known}]"
