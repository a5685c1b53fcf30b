"""What a command's options make of a preset: dedicated ones, and --set NAME=VALUE for the rest."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

import typer
from pydantic import BaseModel

_Recipe = TypeVar("_Recipe", bound=BaseModel)

Seed = Annotated[int | None, typer.Option(min=0, help="Of everything random.", show_default="0")]
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
