"""What the commands of all trainings share: a recipe's options, its problems, its cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from core.cli.files import given_problems
from core.cli.option_groups import SettingOptions
from core.cli.options import path_option
from core.lora.recipe import LoraRecipe

if TYPE_CHECKING:
    from core.lora.cost import Cost
    from core.records import Problem

_SHARED = {
    "sample": "problems",
    **{
        name: name
        for name in (
            "seed", "max_new_tokens", "prompt_style", "template", "prompt_date", "batch_size",
        )
    },
}  # fmt: skip


def recipe_options(
    recipe: type[LoraRecipe],
    names: Mapping[str, str],
    flags: Mapping[str, Sequence[str]] | None = None,
) -> SettingOptions:
    """Options for a recipe's settings; what is not given is the preset's.

    Args:
        recipe: the settings.
        names: dotted names by their options' parameters, beside those that all trainings have.
        flags: of parameters whose option isn't only the parameter's name.
    """
    return SettingOptions(recipe, {**names, **_SHARED}, flags or {}, preset=True)


@dataclass(frozen=True)
class LearningProblems:
    """Problems to learn from, and others to measure on."""

    problems: Annotated[
        Path | None,
        path_option(help="A problem file to learn from; the demo's when not given."),
    ] = None
    eval_problems: Annotated[
        Path | None,
        path_option(help="A problem file to measure on; the demo's when not given."),
    ] = None

    def to_learn_from(self) -> list[Problem]:
        """The problems to learn from.

        Raises:
            ProblemError: the file can't be read.
        """
        return training_problems(self.problems)

    def to_measure_on(self) -> list[Problem]:
        """The problems to measure on.

        Raises:
            ProblemError: the file can't be read.
        """
        from core.problems.problem_sets import demo_problems

        return demo_problems() if self.eval_problems is None else given_problems(self.eval_problems)


def training_problems(path: Path | None) -> list[Problem]:
    """The problems of a file, or the demo's training problems.

    Raises:
        ProblemError: the file can't be read.
    """
    from core.problems.problem_sets import demo_training_problems

    return demo_training_problems() if path is None else given_problems(path)


def print_cost(steps: int, cost: Cost) -> None:
    """Print what a training took: steps, time by phase, dollars, memory."""
    seconds = ", ".join(f"{phase} {took:.0f} s" for phase, took in cost.seconds.items())
    print(
        f"{steps} steps; {cost.total_seconds:.0f} s ({seconds}), "
        f"{cost.usd:.2f} dollars at {cost.usd_per_hour:g} an hour, "
        f"{cost.peak_memory_bytes / 2**20:.0f} MiB"
    )
