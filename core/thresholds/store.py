"""Measurements of entropies, kept in the cache folder: one file each, named by what is measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StrictFloat, ValidationError, field_validator

from core.errors import FileError
from core.records import SCHEMA_VERSION, Problem, check_schema_version, first_fault, floats
from core.system.durable_files import replace_file
from core.system.environment import cache_folder
from core.system.json_text import json_text
from core.thresholds.measurement import (
    EntropyMeasurement,
    MeasuredOn,
    measure_entropies,
    measured_on,
)
from core.thresholds.settings import ThresholdSettings

if TYPE_CHECKING:
    from core.models.language_model import LanguageModel

_KIND = "measurement of entropies"


def measurement_path(on: MeasuredOn) -> Path:
    """The file of a measurement, whether it was made or not."""
    return cache_folder() / "thresholds" / f"{on.key}.json"


def kept_measurement(on: MeasuredOn) -> EntropyMeasurement | None:
    """The measurement that was kept; None if there is none.

    Raises:
        FileError: its file is damaged or can't be read.
    """
    path = measurement_path(on)
    try:
        data = json.loads(path.read_bytes())
        check_schema_version(data, _KIND, FileError)
        stored = _Stored.model_validate(data)
        found = EntropyMeasurement(
            stored.on,
            tuple(np.array(each, np.float32) for each in stored.entropies),
        )
        if found.on.key != on.key:
            raise ValueError("it is of something else")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise FileError(
            f"The measurement in {path} can't be read ({error.strerror or error}).",
            "Check your right to read it, or measure it again.",
        ) from error
    except (ValueError, RecursionError, ValidationError, FileError) as error:
        why = error.what if isinstance(error, FileError) else first_fault(error)
        raise FileError(
            f"The measurement in {path} is damaged ({why.rstrip('.')}).", "Measure it again."
        ) from error
    return found


def keep_measurement(found: EntropyMeasurement) -> Path:
    """Keep a measurement, in place of an earlier or damaged one.

    Returns:
        Its file.

    Raises:
        FileError: the cache folder can't be written.
    """
    path = measurement_path(found.on)
    on = found.on
    data = {
        "schema_version": SCHEMA_VERSION,
        "on": {**vars(on), "settings": on.settings.model_dump(mode="json")},
        "entropies": [floats(each) for each in found.entropies],
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, (json_text(data, ascii_only=True) + "\n").encode())
    except OSError as error:
        raise FileError(
            f"The measurement can't be stored in {path} ({error.strerror or error}).",
            "Make room there, or set FORK_EXPLORER_CACHE to another folder.",
        ) from error
    return path


def measured(
    lm: LanguageModel,
    problems: Sequence[Problem],
    problem_set: str,
    settings: ThresholdSettings,
    *,
    say: Callable[[str], None] = lambda message: None,
    on_begin: Callable[[int], None] = lambda chains: None,
    on_chain: Callable[[], None] = lambda: None,
    cancel: Callable[[], bool] = lambda: False,
) -> EntropyMeasurement | None:
    """The measurement that was kept, or a new one, which is kept.

    Args:
        lm, problems, problem_set, settings, on_chain, cancel: as `measure_entropies`.
        say: called with what is wrong with a kept file, or why none can be kept.
        on_begin: called with the number of chains before a new measurement.

    Returns:
        The measurement; None when cancelled.

    Raises:
        ProblemError, PromptError, ResourceError: as `measure_entropies`.
    """
    try:
        found = kept_measurement(measured_on(lm, problems, problem_set, settings))
    except FileError as error:
        say(str(error))
        found = None
    if found is not None:
        return found
    on_begin(min(settings.problems, len(problems)))
    found = measure_entropies(lm, problems, problem_set, settings, on_chain=on_chain, cancel=cancel)
    if found is not None:
        try:
            keep_measurement(found)
        except FileError as error:
            say(str(error))
    return found


class _Stored(BaseModel):
    """The file."""

    model_config = ConfigDict(extra="forbid")

    schema_version: int
    on: MeasuredOn
    entropies: list[list[StrictFloat]] = Field(min_length=1)

    @field_validator("entropies")
    @classmethod
    def _are_entropies(cls, entropies: list[list[float]]) -> list[list[float]]:
        for chain in entropies:
            if not chain or not all(isfinite(each) and each > -1e-3 for each in chain):
                raise ValueError("a chain has no tokens, or one that is not an entropy")
        return entropies
