"""The recipes of studies: that of a training, what varies, and the seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.distillation.recipe import DistillationRecipe
from core.lora.recipe import LoraRecipe, Sampling
from core.reasonmaxxer.recipe import Recipe
from core.runs.settings import checked_settings
from core.studies.grid import Cell, Grid

_Study = TypeVar("_Study", bound=Grid)


class StudyRecipe(Grid, Recipe):
    """All settings of a study of fine-tunes."""

    varied: ClassVar[tuple[str, ...]] = ("gate", "selection", "training")

    @model_validator(mode="after")
    def _has_held_out(self) -> StudyRecipe:
        if self.held_out.problems == 0:
            raise ValueError("a study chooses on held-out problems; set held_out.problems above 0")
        return self

    @property
    def fine_tune(self) -> Recipe:
        """The recipe that the cells change."""
        return _part(self, Recipe)

    def cells(self) -> list[Cell[Recipe]]:
        """As `Grid.cells_of`."""
        return self.cells_of(self.fine_tune)


class ChoiceProblems(BaseModel):
    """The problems on which a study of distillations chooses."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    problems: int = Field(
        48,
        ge=1,
        title="Held-out problems",
        description="Taken from the teacher's problems, drawn by the seed: the settings are "
        "chosen on them",
    )
    sampling: Sampling = Field(Sampling(samples=2), title="Held-out")


class DistillationStudyRecipe(Grid, DistillationRecipe):
    """All settings of a study of distillations."""

    varied: ClassVar[tuple[str, ...]] = ("training",)

    held_out: ChoiceProblems = ChoiceProblems()

    @property
    def distillation(self) -> DistillationRecipe:
        """The recipe that the cells change."""
        return _part(self, DistillationRecipe)

    def cells(self) -> list[Cell[DistillationRecipe]]:
        """As `Grid.cells_of`."""
        return self.cells_of(self.distillation)


def study_of(recipe: Recipe, vary: Sequence[str], seeds: str) -> StudyRecipe:
    """A study of a fine-tune's recipe.

    Args:
        recipe: that the cells change.
        vary: settings and their values, such as "gate.tau=1.0,1.4".
        seeds: of the trainings, with commas.

    Raises:
        RunError: a grid or seeds that can't be used.
    """
    study = _gridded(StudyRecipe, recipe, vary, seeds)
    study.cells()
    return study


def distillation_study_of(
    recipe: DistillationRecipe, vary: Sequence[str], seeds: str
) -> DistillationStudyRecipe:
    """A study of a distillation's recipe; as `study_of`."""
    study = _gridded(DistillationStudyRecipe, recipe, vary, seeds)
    study.cells()
    return study


def _gridded(kind: type[_Study], recipe: LoraRecipe, vary: Sequence[str], seeds: str) -> _Study:
    grid = {"vary": tuple(vary), "training_seeds": tuple(seeds.split(","))}
    return checked_settings(kind, {**recipe.model_dump(mode="json"), **grid})


_Recipe = TypeVar("_Recipe", bound=LoraRecipe)


def _part(study: LoraRecipe, kind: type[_Recipe]) -> _Recipe:
    """The recipe that a study extends."""
    return kind(**{name: getattr(study, name) for name in kind.model_fields})
