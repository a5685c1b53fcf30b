"""The models of a run: written to its config, read back, and loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from core.errors import RunError
from core.models.language_model import LanguageModel, ModelFiles, fetch_model, load_language_model
from core.models.placement import DTYPES, device_named
from core.models.spec import ModelSpec, absolute_name, check_spec
from core.models.teacher import load_beside
from core.models.worker_reports import DOWNLOADING, DownloadCancelledError, Report
from core.records import first_fault
from core.runs.context import Cancelled, RunContext
from core.runs.run import Run
from core.system.json_text import json_text


def model_fields(spec: ModelSpec) -> dict[str, Any]:
    """A model as a run's config stores it, with absolute paths.

    Raises:
        ModelError: a folder that holds no model or adapter.
    """
    check_spec(spec)
    adapter = None if spec.adapter is None else absolute_name(spec.adapter)
    return asdict(replace(spec, model=absolute_name(spec.model), adapter=adapter))


def read_model(fields: Mapping[str, Any]) -> ModelSpec:
    """The model that `model_fields` has stored.

    Raises:
        RunError: it can't be read.
    """
    known = set(ModelSpec.__annotations__)
    if not known - _ADDED <= fields.keys() <= known:
        raise RunError("This run's model can't be read.", "Prepare a new run.")
    try:
        return _SPEC.validate_python(dict(fields))
    except ValidationError as error:
        raise RunError(
            f"This run's model can't be read ({first_fault(error)}).", "Prepare a new run."
        ) from error


def base_and_teachers(run: Run) -> tuple[ModelSpec, list[str]]:
    """The model of a run, and the teachers beside it, in order.

    Raises:
        RunError: the model can't be read.
    """
    return read_model(run.config.model), list(run.config.teachers)


def load_run_model(work: RunContext, spec: ModelSpec, *, trust_remote_code: bool) -> LanguageModel:
    """Load the model of a run, or take the one that was loaded to estimate its time. Chat templates
    that show a date get the run's.

    Args:
        work: the run; it reports a download and can stop it.
        spec: from the run's config, which may come from another machine: it can ask for remote
            code, but not allow it.
        trust_remote_code: whether the caller allows it.

    Raises:
        RunError: the model wants to run code, and that isn't allowed.
        ModelError, ResourceError: as `load_language_model`.
        Cancelled: the run was stopped during a download.
    """
    if spec.trust_remote_code and not trust_remote_code:
        raise RunError(
            f"The model {spec.model} of this run brings Python code of its own.",
            "If you trust its authors, give --trust-remote-code, or choose the model in the "
            "sidebar and allow its code there.",
        )
    began = as_it_began(work, spec)
    loaded = work.loaded.pop(spec, None)
    if loaded is None or began != spec:
        loaded = load_language_model(began, _fetched(work, began))
    return replace(with_recorded_precision(work, loaded), prompt_date=work.run.config.day)


def load_run_teacher(work: RunContext, lm: LanguageModel, spec: ModelSpec) -> LanguageModel:
    """Load another model of a run beside its first one.

    Raises:
        RunError, ModelError, ResourceError, Cancelled: as `load_run_model`.
    """
    spec = as_it_began(work, spec)
    return with_recorded_precision(work, load_beside(lm, spec, _fetched(work, spec)))


def as_it_began(work: RunContext, spec: ModelSpec) -> ModelSpec:
    """A model in the precision that the run began with: `auto` may be another one today.

    Raises:
        RunError: the record can't be read.
    """
    if spec.dtype != "auto":
        return spec
    recorded = _precisions(work.run)
    if spec.model in recorded:
        return replace(spec, dtype=recorded[spec.model])
    if work.finished and not recorded and device_named(spec.device).type == "cpu":
        return replace(spec, dtype="float32")  # begun before this was recorded
    return spec


def recorded_dtype(run: Run, spec: ModelSpec) -> str | None:
    """The precision in which a run worked with a model; None where `auto` was not recorded.

    Raises:
        RunError: the record can't be read.
    """
    return spec.dtype if spec.dtype != "auto" else _precisions(run).get(spec.model)


def with_recorded_precision(work: RunContext, lm: LanguageModel) -> LanguageModel:
    """A model of a run, whose precision is written down where `auto` took it: before any result is
    kept.

    Raises:
        RunError: the record can't be read.
        ResourceError: the disk is full or can't be written.
    """
    if lm.spec.dtype != "auto" or lm.dtype not in DTYPES:
        return lm
    work.write(PRECISION, json_text({**_precisions(work.run), lm.spec.model: lm.dtype}) + "\n")
    return replace(lm, spec=replace(lm.spec, dtype=lm.dtype))


def _precisions(run: Run) -> Mapping[str, Dtype]:
    """The precision of each model of a run that `auto` chose one for."""
    try:
        return _TAKEN.validate_python(run.read_json(PRECISION) or {})
    except ValidationError as error:
        raise RunError(
            f"The precision of this run's models can't be read ({first_fault(error)}).",
            f"Delete {PRECISION} in its folder, then resume it.",
        ) from error


def _fetched(work: RunContext, spec: ModelSpec) -> ModelFiles:
    try:
        return fetch_model(spec, report=_telling(work), cancelled=lambda: work.stop.requested)
    except DownloadCancelledError:
        raise Cancelled from None


def _telling(work: RunContext) -> Report:
    def report(done: int, total: int, what: str = DOWNLOADING) -> None:
        work.report(done / 1e6, total / 1e6, f"{what} the model", "MB")

    return report


PRECISION = "precision.json"
"""File of a run: the dtype that `auto` took for each of its models, by their names."""

Dtype = Literal["float32", "bfloat16", "float16"]
_TAKEN: TypeAdapter[dict[str, Dtype]] = TypeAdapter(dict[str, Dtype])
_SPEC: TypeAdapter[ModelSpec] = TypeAdapter(ModelSpec)
_ADDED = {"revision", "quantization"}  # older runs have neither
