"""A grid of settings: what varies, with which seeds, and the cells that it makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import product
from typing import Annotated, Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, Field, field_validator, model_validator

from core.decoding.settings import Seed
from core.errors import RunError
from core.lora.recipe import LoraRecipe
from core.runs.settings import changed
from core.system.setting import setting_names

MAX_CELLS = 1000

Value = str | int | float | bool | None | tuple[str, ...]

R = TypeVar("R", bound=LoraRecipe)


@dataclass(frozen=True)
class Cell(Generic[R]):
    """One training of a study."""

    number: int  # from 0, in the order of the grid
    setting: int  # number of its settings, the same for all seeds
    values: Mapping[str, Value]  # of the settings that vary, by their dotted names
    recipe: R  # with these values
    seed: int  # of the training, and of a control's draws

    @property
    def name(self) -> str:
        """Of its units and its folder."""
        return f"cell-{self.number:03}"


class Grid(BaseModel):
    """Settings of a study beside those of its recipe."""

    varied: ClassVar[tuple[str, ...]] = ()
    """Groups of settings that may vary: they come after the rollouts, which all cells share."""

    vary: tuple[str, ...] = Field(
        (),
        title="Vary",
        description="Settings and their values, such as gate.tau=1.0,1.4,1.8; every combination "
        "is a cell",
    )
    training_seeds: Annotated[
        tuple[Seed, ...],
        Field(
            min_length=1,
            title="Training seeds",
            description="Every combination is trained once with each",
        ),
    ] = (0,)

    @field_validator("vary")
    @classmethod
    def _named_once(cls, vary: tuple[str, ...]) -> tuple[str, ...]:
        for line in vary:
            name, _, values = line.partition("=")
            if not all(each.strip() for each in values.split(",")):
                raise ValueError(f"{line!r} has no values; write {name.strip()}=VALUE,VALUE")
            if name.strip().partition(".")[0] not in cls.varied:
                raise ValueError(
                    f"{name.strip()!r} can't vary: all cells share what comes before; use settings "
                    f"of {', '.join(cls.varied)}"
                )
        names = [line.partition("=")[0].strip() for line in vary]
        if len(set(names)) < len(names):
            raise ValueError("a setting varies twice; write all of its values in one place")
        return vary

    @field_validator("training_seeds")
    @classmethod
    def _different(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds):
            raise ValueError("a training seed is given twice")
        return seeds

    @model_validator(mode="after")
    def _not_too_many(self) -> Grid:
        sizes = [len(line.split(",")) for line in self.vary]
        cells = reduce(lambda a, b: a * b, sizes, len(self.training_seeds))
        if cells > MAX_CELLS:
            raise ValueError(f"the grid has {cells:,} cells; use at most {MAX_CELLS:,}")
        return self

    def cells_of(self, base: R) -> list[Cell[R]]:
        """Every combination of the values that vary, with every training seed.

        Args:
            base: the recipe that the cells change.

        Raises:
            RunError: an unknown setting, a value out of its range, or one that is given twice.
        """
        axes = [_axis(base, line) for line in self.vary]
        cells: list[Cell[R]] = []
        for setting, combination in enumerate(product(*axes)):
            values = dict(combination)
            recipe = changed(base, values)
            for seed in self.training_seeds:
                cells.append(Cell(len(cells), setting, values, recipe, seed))
        return cells

    @classmethod
    def varying(cls, recipe: LoraRecipe) -> list[str]:
        """The dotted names of the settings that may vary."""
        return [name for name in setting_names(recipe) if name.partition(".")[0] in cls.varied]


def _axis(base: LoraRecipe, line: str) -> list[tuple[str, Value]]:
    """The values of one setting, as its type has them."""
    name, _, typed = line.partition("=")
    name = name.strip()
    values = [
        _value(changed(base, {name: each.strip().replace("+", ",")}), name)
        for each in typed.split(",")
    ]
    if len(set(values)) < len(values):
        raise RunError(f"A value of {name} is given twice.", "Leave one of them out.")
    return [(name, value) for value in values]


def _value(recipe: LoraRecipe, name: str) -> Value:
    found: Any = recipe.model_dump(mode="json")
    for place in name.split("."):
        found = found[place]
    return tuple(found) if isinstance(found, list) else found
