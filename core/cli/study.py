"""`fork-explorer study`: fine-tunes over a grid of settings, on one set of rollouts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.option_groups import GivenSettings, grouped
from core.cli.options import EngineRunOptions, ModelOptions, OutputOptions, path_option
from core.cli.recipes import LearningProblems, recipe_options
from core.cli.run_command import kind_work, long_work
from core.cli.thresholds import plan_with_shares
from core.cli.training import (
    PresetOption,
    entropies_in,
    entropies_of_rollouts,
    learning_sets,
    refuse_what_rollouts_have,
    starting_recipe,
)
from core.reasonmaxxer.recipe import Recipe
from core.runs.config import RunPlan
from core.system.terminal_text import printable

if TYPE_CHECKING:
    from core.records import Problem
    from core.statistics import Estimate
    from core.studies.results import CellResult

_NAMES = {"k": "rollouts.samples", "tau": "gate.tau", "gate": "gate.kind",
          "usd_per_hour": "usd_per_hour"}  # fmt: skip


@dataclass(frozen=True)
class Grid:
    """What varies, and with which seeds."""

    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=V1,V2",
            help="A setting and its values; may be given several times. Words that belong "
            "together are joined by +.",
        ),
    ] = None
    training_seeds: Annotated[
        str, typer.Option(metavar="N,N", help="Every combination is trained with each.")
    ] = "0"


@dataclass(frozen=True)
class _OnRollouts(Grid):
    """What varies, on which rollouts."""

    rollouts: Annotated[
        Path | None,
        path_option(metavar="RUN", help="Learn from the rollouts of this run."),
    ] = None


@grouped
def study(
    ctx: typer.Context,
    model: ModelOptions,
    problems: LearningProblems,
    grid: _OnRollouts,
    preset: PresetOption = None,
    *,
    settings: Annotated[GivenSettings, recipe_options(Recipe, _NAMES, {"k": ("-k",)})],
    run: EngineRunOptions,
    output: OutputOptions,
) -> None:
    """Fine-tune over a grid of settings, on one set of rollouts.

    Every cell is an adapter with its accuracy on held-out and on test problems. The settings are
    chosen on the held-out problems; only the chosen ones are quoted with their test accuracy. All
    other figures are exploration.
    """
    from core.studies.plan import plan_study
    from core.studies.recipe import study_of

    work = kind_work(model, run)

    def prepare() -> RunPlan:
        spec, measure = model.spec(), entropies_in(grid.rollouts)
        if grid.rollouts is not None:
            refuse_what_rollouts_have(ctx, settings, grid.rollouts)
        start = starting_recipe(model.model, preset, grid.rollouts)
        sets = learning_sets(start)
        learned: list[Problem] = []
        if grid.rollouts is None:
            learned = problems.to_learn_from(sets[0])
            named = problems.problems or Path(sets[0])
            measure = entropies_of_rollouts(work, spec, learned, named.name, quiet=output.as_json)
        measured_on = problems.to_measure_on(sets[1])
        served = run.found_engine(spec, keeps_entropy=True)
        return plan_with_shares(
            settings,
            start,
            lambda recipe: plan_study(
                spec,
                learned,
                measured_on,
                study_of(recipe, grid.vary or (), grid.training_seeds),
                rollouts=grid.rollouts,
                engine=served,
            ),
            measure,
        )

    long_work(ctx, work, prepare, run=run, output=output, show=show_study)


def show_study(data: Any) -> None:
    """Print the results of a study: every cell as exploration, and the chosen settings."""
    from core.studies.results import StudyResults

    results = StudyResults.from_json(data)
    print(f"{results.all_cells} cells: {results.settings} settings x {results.seeds} seeds")
    print(
        f"  {'base':44} held-out {_share(results.base_held_out)}  test {_words(results.base_test)}"
    )
    if results.teacher_test is not None:
        print(f"  {'teacher':44} test {_words(results.teacher_test)}")
    for cell in results.cells:
        values = ", ".join(f"{name}={value}" for name, value in cell.values.items())
        name = printable(f"{values or 'as the recipe'} (seed {cell.seed})")
        if cell.failure is not None or cell.held_out is None or cell.test is None:
            print(f"  {name:44} not trained: {printable(cell.failure or '')}")
            continue
        print(
            f"  {name:44} held-out {_share(cell.held_out.value)}  test {_words(cell.test)}, "
            f"{_budget(cell)}"
        )
    print("The test figures of single cells are exploration: many were looked at.")
    chosen = results.chosen
    if chosen is None:
        print("No settings could be chosen.")
        return
    values = ", ".join(f"{name}={value}" for name, value in chosen.values.items())
    print(
        f"Chosen on held-out problems: {printable(values or 'the recipe')}. On the test problems "
        f"{_words(chosen.test)}, {_words(chosen.difference, sign=True)} to the base "
        f"(n = {chosen.test.n})."
    )
    cost = results.cost
    print(
        f"{cost.total_seconds:.0f} s in all, {cost.sampled_tokens:,} tokens sampled, "
        f"{cost.trained_tokens:,} trained on, {cost.usd:.2f} dollars at "
        f"{cost.usd_per_hour:g} an hour"
    )


def _budget(cell: CellResult) -> str:
    if cell.trained_parameters is not None:
        return f"{cell.trained_parameters:,} parameters, {_share(cell.trained_share)} of the base's"
    return f"gate {_share(cell.gated_share)} of tokens, {_share(cell.signal_mass)} of the signal"


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"


def _words(estimate: Estimate, *, sign: bool = False) -> str:
    plus = "+" if sign else ""
    value = f"{estimate.value:{plus}.3f}"
    return f"{value} [{estimate.low:{plus}.3f}, {estimate.high:{plus}.3f}]"
