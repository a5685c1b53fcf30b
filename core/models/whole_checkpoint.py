"""Refuse a checkpoint whose weights are not exactly those that its config asks for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from core.errors import ModelError, examples


def check_whole(name: str, loading_info: Mapping[str, Collection[Any]]) -> None:
    """transformers fills missing weights with random numbers and drops those without a place.

    Tied weights are not missing, and keys that a model class knows to ignore are not surplus.

    Args:
        name: the model as the person named it.
        loading_info: from `from_pretrained` with output_loading_info and ignore_mismatched_sizes.

    Raises:
        ModelError: naming weights that are missing, surplus, or of another shape.
    """
    missing = sorted(loading_info["missing_keys"])
    surplus = sorted(loading_info["unexpected_keys"])
    misshapen = sorted(
        f"{key} {_shape(stored)} instead of {_shape(wanted)}"
        for key, stored, wanted in loading_info["mismatched_keys"]
    )
    faults = [
        f"{len(names)} {what} ({examples(names)})"
        for names, what in (
            (missing, "missing"),
            (misshapen, "of another shape"),
            (surplus, "that no layer takes"),
        )
        if names
    ]
    if faults:
        raise ModelError(
            f"The weights of {name} don't fit its config.json: {'; '.join(faults)}.",
            "Get all of the model's files again, or save it anew with save_pretrained.",
        )


def _shape(size: Any) -> str:
    return "x".join(str(each) for each in size)
