"""`fork-explorer rollouts` and `train`: ReasonMaxxer, with the accuracy before and after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.evaluation import print_comparison
from core.cli.option_groups import GivenSettings, grouped
from core.cli.options import EngineRunOptions, ModelOptions, OutputOptions, path_option
from core.cli.recipes import (
    MEASURED_SET,
    TRAINING_SET,
    LearningProblems,
    print_cost,
    problems_or_set,
    recipe_options,
)
from core.cli.run_command import KindWork, given_options, kind_work, long_work
from core.cli.thresholds import entropies_of, plan_with_shares
from core.reasonmaxxer.recipe import PRESETS, PROBLEM_SETS, Recipe
from core.records import Problem
from core.runs.config import RunPlan
from core.system.percent import percent

if TYPE_CHECKING:
    from core.models.spec import ModelSpec
    from core.thresholds.measurement import EntropyMeasurement

PresetOption = Annotated[
    str | None,
    typer.Option(help=f"{', '.join(PRESETS)}.", show_default="demo for the demo model, else paper"),
]
_K = {"k": "rollouts.samples"}
_K_FLAG = {"k": ("-k",)}

_OF_IMPORTED = {
    "model", "adapter", "problems", "sample", "k", "device", "dtype", "revision", "quantization",
}  # fmt: skip
"""Parameters that imported rollouts have decided: not how the model is asked before and after."""

_OF_ROLLOUTS = {
    "model", "adapter", "problems", "sample", "seed", "k", "max_new_tokens", "prompt_style",
    "template", "prompt_date", "device", "dtype", "revision", "quantization",
}  # fmt: skip
"""Parameters that the rollouts of a run have decided already."""


@grouped
def rollouts(
    ctx: typer.Context,
    model: ModelOptions,
    problems: Annotated[
        Path | None, path_option(help="A problem file to learn from; the demo's when not given.")
    ] = None,
    preset: PresetOption = None,
    *,
    settings: Annotated[GivenSettings, recipe_options(Recipe, _K, _K_FLAG)],
    run: EngineRunOptions,
    output: OutputOptions,
) -> None:
    """Sample rollouts of training problems, to try gates on and to train from (train --rollouts).

    The settings are those of `train`, whose preset says how they are sampled.
    """
    from core.reasonmaxxer.plan import plan_rollouts

    work = kind_work(model, run)

    def prepare() -> RunPlan:
        spec, start = model.spec(), starting_recipe(model.model, preset)
        named = problems or Path(learning_sets(start)[0])
        learned = problems_or_set(problems, named.name)
        served = run.found_engine(spec, keeps_entropy=True)
        return plan_with_shares(
            settings,
            start,
            lambda recipe: plan_rollouts(spec, learned, recipe, engine=served),
            entropies_of_rollouts(work, spec, learned, named.name, quiet=output.as_json),
        )

    long_work(ctx, work, prepare, run=run, output=output, show=_show_rollouts)


@dataclass(frozen=True)
class BuiltOn:
    """What a fine-tune builds on beside its base."""

    rollouts: Annotated[
        Path | None,
        path_option(metavar="RUN", help="Learn from the rollouts of this run."),
    ] = None
    teacher: Annotated[
        str | None,
        typer.Option(
            help="For weights of decisions: folder of an adapter for the model, a model of the "
            'same vocabulary, or "demo-teacher".',
        ),
    ] = None


@grouped
def train(
    ctx: typer.Context,
    model: ModelOptions,
    problems: LearningProblems,
    preset: PresetOption = None,
    *,
    built_on: BuiltOn,
    settings: Annotated[
        GivenSettings,
        recipe_options(
            Recipe,
            {
                **_K,
                "tau": "gate.tau",
                "gate": "gate.kind",
                "weighting": "training.weighting",
                "report_to": "training.report_to",
                "usd_per_hour": "usd_per_hour",
            },
            _K_FLAG,
        ),
    ],
    run: EngineRunOptions,
    output: OutputOptions,
) -> None:
    """Fine-tune with ReasonMaxxer, and compare the accuracy before and after.

    Rollouts of the base, a gate that keeps the decision points, a contrastive loss there and an
    anchor elsewhere, a LoRA adapter, and the accuracy before and after on problems that were not
    trained on. The adapter is in the run's folder, under adapter/. With --engine, the rollouts are
    sampled there; before and after are measured here.
    """
    from core.reasonmaxxer.plan import plan_training

    work = kind_work(model, run)

    def prepare() -> RunPlan:
        rollouts, teacher = built_on.rollouts, built_on.teacher
        spec, measure = model.spec(), entropies_in(rollouts)
        if rollouts is not None:
            refuse_what_rollouts_have(ctx, settings, rollouts)
        start, learned = starting_recipe(model.model, preset, rollouts), list[Problem]()
        if rollouts is None:
            learned = problems.to_learn_from(learning_sets(start)[0])
            named = problems.problems or Path(learning_sets(start)[0])
            measure = entropies_of_rollouts(work, spec, learned, named.name, quiet=output.as_json)
        measured_on = problems.to_measure_on(learning_sets(start)[1])
        served = run.found_engine(spec, keeps_entropy=True)
        return plan_with_shares(
            settings,
            start,
            lambda recipe: plan_training(
                spec,
                learned,
                measured_on,
                recipe,
                rollouts=rollouts,
                teacher=teacher,
                engine=served,
            ),
            measure,
        )

    long_work(ctx, work, prepare, run=run, output=output, show=_show_training)


def entropies_of_rollouts(
    work: KindWork, spec: ModelSpec, learned: Sequence[Problem], problem_set: str, *, quiet: bool
) -> Callable[[Recipe], EntropyMeasurement]:
    """Measures the entropies of chains that are drawn as the rollouts are."""
    from core.reasonmaxxer.rollouts import rollout_threshold_settings

    measure = entropies_of(spec, learned, problem_set, work.load, quiet=quiet)
    return lambda recipe: measure(rollout_threshold_settings(recipe))


def entropies_in(rollouts: Path | None) -> Callable[[Recipe], EntropyMeasurement]:
    """Takes the entropies of rollouts that are there already."""

    def measure(_: Recipe) -> EntropyMeasurement:
        from core.reasonmaxxer.rollouts import rollout_entropies
        from core.runs.run import Run

        assert rollouts is not None
        return rollout_entropies(Run.open(rollouts))

    return measure


def refuse_what_rollouts_have(ctx: typer.Context, settings: GivenSettings, rollouts: Path) -> None:
    """What is given beside --rollouts must not be what the rollouts have decided already."""
    from core.errors import RunError
    from core.reasonmaxxer.rollouts import decided_by
    from core.runs.run import Run

    source = Run.open(rollouts).config if (rollouts / "config.json").is_file() else None
    imported = source is not None and source.imported is not None
    decided = decided_by(imported=imported)
    given = given_options(ctx, _OF_IMPORTED if imported else _OF_ROLLOUTS)
    if not given:
        given = [
            f"--set {name}"
            for name in settings.values
            if name.partition(".")[0] in decided or name == "held_out.problems"
        ]
    if given:
        raise RunError(
            f"The rollouts of a run bring their own, so {', '.join(given)} can't be given.",
            "Leave it out, or sample new rollouts: leave --rollouts out.",
        )


def starting_recipe(model: str, preset: str | None, rollouts: Path | None = None) -> Recipe:
    """The recipe that the given settings change."""
    from core.models.spec import DEMO
    from core.reasonmaxxer.recipe import recipe_of
    from core.reasonmaxxer.results import run_recipe
    from core.runs.run import Run

    if rollouts is not None and preset is None:
        return run_recipe(Run.open(rollouts))
    return recipe_of(preset or ("demo" if model == DEMO else "paper"))


def learning_sets(recipe: Recipe) -> tuple[str, str]:
    """The sets to learn from and to measure on where none are named."""
    return PROBLEM_SETS.get(recipe.preset, (TRAINING_SET, MEASURED_SET))


def _show_rollouts(data: Any) -> None:
    results = data["pass_at_k"][0]["estimate"]
    drawn = f"{data['n']} problems, {data['samples']} rollouts each"
    if "uneven" in data:
        drawn = f"{data['uneven']} rollouts of {data['n']} problems"
    print(f"{drawn}; pass@1 {results['value']:.3f} [{results['low']:.3f}, {results['high']:.3f}]")


def _show_training(data: Any) -> None:
    from core.reasonmaxxer.results import TrainingResults

    results = TrainingResults.from_json(data)
    selection, training, cost = results.selection, results.training, results.cost
    print(
        f"Learned from {selection.right} correct and {selection.wrong} wrong rollouts of "
        f"{len(selection.problems)} problems; {selection.decisions} of {selection.tokens} tokens "
        f"({percent(selection.gated_share)}) are decision points"
    )
    print_comparison(results.comparison, "The tuned model against its base", "after")
    print_cost(training.steps, cost)
    for warning in training.warnings:
        print(f"Warning: {warning}")
