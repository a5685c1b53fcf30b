"""The settings of a run: outside data, checked by the model of its task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from core.errors import RunError

_Settings = TypeVar("_Settings", bound=BaseModel)


def checked_settings(kind: type[_Settings], values: Mapping[str, Any]) -> _Settings:
    """Settings of a kind, from what a person or a run's folder says.

    Raises:
        RunError: the first one that is unknown or out of range.
    """
    try:
        return kind(**values)
    except ValidationError as error:
        raise RunError(f"A setting can't be used ({first_fault(error)}).", "Change it.") from error


def first_fault(error: ValidationError) -> str:
    """The first thing that pydantic finds wrong, with its place."""
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    return f"{place}: {first['msg']}" if place else str(first["msg"])
