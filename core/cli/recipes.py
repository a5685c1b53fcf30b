"""What a command's options make of a preset: dedicated ones, and --set NAME=VALUE for the rest."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Annotated, Any, TypeVar

import typer
from pydantic import BaseModel

_Recipe = TypeVar("_Recipe", bound=BaseModel)

_PRESETS = "the preset's"
Seed = Annotated[int | None, typer.Option(min=0, help="Of everything random.", show_default="0")]
Sample = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="So many of the problems to learn from, drawn by the seed.",
        show_default=_PRESETS,
    ),
]
MaxNewTokens = Annotated[
    int | None, typer.Option(help="Longest completion, in tokens.", show_default=_PRESETS)
]
BatchSize = Annotated[
    int | None, typer.Option(min=1, help="Most chains at once.", show_default=_PRESETS)
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="Any other setting, such as training.learning_rate=1e-4; again for more.",
    ),
]
UsdPerHour = Annotated[
    float | None, typer.Option(help="For the cost in dollars.", show_default="1.89")
]


@dataclass(frozen=True)
class Given:
    """The dedicated options that all trainings share; None was not given."""

    seed: int | None
    sample: int | None
    max_new_tokens: int | None
    prompt_style: str | None
    template: str | None
    prompt_date: date | None
    batch_size: int | None

    def changes(self) -> dict[str, Any]:
        """By the names of a recipe's settings."""
        named = asdict(self)
        return {"problems": named.pop("sample"), **named}


def changed_recipe(
    start: _Recipe, settings: Sequence[str] | None, given: Mapping[str, Any]
) -> _Recipe:
    """A recipe with what was given.

    Args:
        start: the preset.
        settings: of --set.
        given: of the dedicated options, by the settings' dotted names; None was not given.

    Raises:
        RunError: no value, a name that is no setting, or a value out of its range.
    """
    from core.errors import RunError
    from core.runs.settings import changed

    changes = {name: value for name, value in given.items() if value is not None}
    for each in settings or []:
        name, sign, value = each.partition("=")
        if not sign:
            raise RunError(f"--set {each} has no value.", "Write --set NAME=VALUE.")
        try:
            changes[name.strip()] = json.loads(value)
        except ValueError:
            changes[name.strip()] = value  # plain words need no quotes
    return changed(start, changes)
