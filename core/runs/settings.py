"""The settings of a run, validated by the settings model of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from core.errors import RunError
from core.records import first_fault

_Settings = TypeVar("_Settings", bound=BaseModel)


def checked_settings(kind: type[_Settings], values: Mapping[str, Any]) -> _Settings:
    """Settings of a kind, from values of a person or of a run's config.

    Raises:
        RunError: naming the first setting that is unknown or out of range.
    """
    try:
        return kind(**values)
    except ValidationError as error:
        raise RunError(f"A setting can't be used ({first_fault(error)}).", "Change it.") from error


def changed(settings: _Settings, changes: Mapping[str, Any]) -> _Settings:
    """Settings with some of them changed; "preset", the name they started from, stays.

    Args:
        settings: to start from.
        changes: values by their dotted names, such as "training.learning_rate".

    Raises:
        RunError: an unknown setting, or a value out of its range.
    """
    values = settings.model_dump(mode="json")
    for name, value in changes.items():
        *places, last = name.split(".")
        group: Any = values
        for place in places:
            group = group.get(place) if isinstance(group, dict) else None
        if not isinstance(group, dict) or isinstance(group.get(last, {}), dict) or name == "preset":
            known = ", ".join(each for each in _dotted(values) if each != "preset")
            raise RunError(f"There's no setting {name!r}.", f"Use one of {known}.")
        group[last] = value
    said = settings.model_fields_set | {name.partition(".")[0] for name in changes}
    return checked_settings(type(settings), {name: values[name] for name in values if name in said})


def _dotted(group: Mapping[str, Any]) -> list[str]:
    """The dotted names of all settings."""
    found = []
    for name, value in group.items():
        found += (
            [f"{name}.{each}" for each in _dotted(value)] if isinstance(value, dict) else [name]
        )
    return found
