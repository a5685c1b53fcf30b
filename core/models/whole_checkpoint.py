"""Reject a checkpoint whose weights don't match its config exactly."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from core.errors import ModelError, examples


def check_whole(name: str, loading_info: Mapping[str, Collection[Any]]) -> None:
    """Reject missing, surplus and misshapen weights.

    transformers would initialise missing weights at random and drop surplus ones. Tied weights
    don't count as missing, nor do keys that the model class ignores count as surplus.

    Args:
        name: the model's name as the user gave it.
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
            (surplus, "that match no layer"),
        )
        if names
    ]
    if faults:
        raise ModelError(
            f"The weights of {name} don't fit its config.json: {'; '.join(faults)}.",
            "Get all of the model's files again, or save it again with save_pretrained.",
        )


def _shape(size: Any) -> str:
    return "x".join(str(each) for each in size)
