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


TRAINING_SET, MEASURED_SET = "demo-train", "demo"
"""The sets that a training takes where none are named."""


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

    def to_learn_from(self, default: str = TRAINING_SET) -> list[Problem]:
        """The problems to learn from.

        Args:
            default: the name of a set, taken where no file is given.

        Raises:
            ProblemError: the file can't be read.
        """
        return problems_or_set(self.problems, default)

    def to_measure_on(self, default: str = MEASURED_SET) -> list[Problem]:
        """The problems to measure on; as `to_learn_from`."""
        return problems_or_set(self.eval_problems, default)


def problems_or_set(path: Path | None, default: str) -> list[Problem]:
    """The problems of a file, or of the set with that name.

    Raises:
        ProblemError: the file can't be read.
    """
    from core.problems.problem_sets import NAMED_SETS

    return given_problems(NAMED_SETS[default] if path is None else path)


def print_cost(steps: int, cost: Cost) -> None:
    """Print what a training took: steps, time by phase, dollars, memory."""
    seconds = ", ".join(f"{phase} {took:.0f} s" for phase, took in cost.seconds.items())
    print(
        f"{steps} steps; {cost.total_seconds:.0f} s ({seconds}), "
        f"{cost.usd:.2f} dollars at {cost.usd_per_hour:g} an hour, "
        f"{cost.peak_memory_bytes / 2**20:.0f} MiB"
    )
