"""`fork-explorer interventions`: every arm on a problem set, with its controls."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from core.cli.option_groups import GivenSettings, SettingOptions, grouped
from core.cli.options import ModelOptions, OutputOptions, ProblemOptions, RunOptions
from core.cli.run_command import kind_work, long_work
from core.cli.thresholds import entropies_of, plan_with_shares
from core.interventions.settings import InterventionSettings
from core.runs.config import RunPlan
from core.system.percent import percent


def _list_arms(wanted: bool) -> None:
    if not wanted:
        return
    from core.interventions.arm import GROUPS
    from core.interventions.arms import ARMS

    for group in GROUPS:
        print(group)
        for arm in (each for each in ARMS.values() if each.group == group):
            print(f"  {arm.key}: {arm.label}\n    {arm.sentence}\n    {arm.tells}")
    raise typer.Exit


@grouped
def interventions(
    ctx: typer.Context,
    model: ModelOptions,
    teacher: Annotated[
        str | None,
        typer.Option(
            help="Folder of an adapter for the model, a model of the same vocabulary, or"
            ' "demo-teacher".'
        ),
    ] = None,
    *,
    problems: ProblemOptions,
    settings: Annotated[
        GivenSettings,
        SettingOptions(InterventionSettings, flags={"positions": ("-k", "--positions")}),
    ],
    run: RunOptions,
    output: OutputOptions,
    list_arms: Annotated[
        bool,
        typer.Option(
            "--list-arms",
            is_eager=True,
            callback=_list_arms,
            help="Say of each arm where it replaces tokens, with what and what it tells; no run.",
        ),
    ] = False,
) -> None:
    """Replace tokens in the model's reasoning and see what changes the answer.

    Every problem is decoded once per arm: the base alone, no-op, the top alternatives at its most
    uncertain positions (base-only), and, with a teacher, the oracle, forks only and their
    controls. --list-arms explains each. --taus and --budgets add curves: accuracy of forks only
    over thresholds, and of the first k of the teacher's tokens over k, each point with a random
    control that puts as many tokens.
    """
    from core.interventions.task import plan_interventions

    work = kind_work(model)

    def prepare() -> RunPlan:
        spec, chosen = model.spec(), problems.problem_set()
        return plan_with_shares(
            settings,
            InterventionSettings(),
            lambda how: plan_interventions(
                spec, chosen, how.model_dump(), teacher=teacher, sample=problems.sample
            ),
            entropies_of(spec, chosen, problems.set_name, work.load, quiet=output.as_json),
        )

    long_work(ctx, work, prepare, run=run, output=output, show=_show)


def _show(results: Any) -> None:
    for arm in results["arms"]:
        line = f"{arm['label']:36} {_interval(arm['accuracy'])}"
        comparison, put, sweep = arm["comparison"], arm["put"], arm["sweep"]
        if comparison is not None:
            gained, lost = len(comparison["gained"]), len(comparison["lost"])
            words = [comparison["word"]] if comparison["word"] else []  # a sweep has none
            line += "  " + ", ".join([*words, f"+{gained} -{lost} problems"])
        if put is not None:
            line += f", {put['changed_per_chain']:.2f} tokens changed per chain"
        print(line)
        if sweep is not None:
            print(
                f"{'':36} per token: {sweep['attempts_right']} of {sweep['attempts']} rescue, "
                f"{_interval(sweep['rescues'])}; per chain: {sweep['chains_recovered']} of "
                f"{sweep['recovered']['n']}, {_interval(sweep['recovered'])}"
            )

    _show_curves(results)


def _show_curves(results: Any) -> None:
    from core.interventions.curves import CURVES

    for curve in results.get("curves", ()):
        print(f"{CURVES[curve['key']].title}, {results['n']} problems")
        for point in curve["points"]:
            arm, control = point["arm"], point["control"]
            print(
                f"  {point['value']:<6g} {_interval(arm['accuracy'])}, control "
                f"{_interval(control['accuracy'])}; "
                f"{percent(arm['put']['touched_share']['value'], 2)} of tokens replaced, control "
                f"{percent(control['put']['touched_share']['value'], 2)}; less control "
                f"{arm['against_control']['difference']['value']:+.3f}, "
                f"{arm['against_control']['word']}"
            )


def _interval(estimate: dict[str, float | None]) -> str:
    value, low, high = estimate["value"], estimate["low"], estimate["high"]
    return "unknown" if value is None else f"{value:.3f} [{low:.3f}, {high:.3f}]"
