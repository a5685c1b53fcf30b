"""The model of a run: kept in its config, read back from it, and loaded for its work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from core.errors import RunError
from core.models.language_model import LanguageModel, ModelFiles, fetch_model, load_language_model
from core.models.spec import ModelSpec, absolute_name, check_spec
from core.models.teacher import load_beside
from core.models.worker_reports import DOWNLOADING, DownloadCancelledError, Report
from core.runs.context import Cancelled, RunContext
from core.runs.run import Run
from core.runs.settings import first_fault


def model_fields(spec: ModelSpec) -> dict[str, Any]:
    """A model as a run's config keeps it, folders by their whole paths.

    Raises:
        ModelError: a folder that holds no model or adapter.
    """
    check_spec(spec)
    adapter = None if spec.adapter is None else absolute_name(spec.adapter)
    return asdict(replace(spec, model=absolute_name(spec.model), adapter=adapter))


def read_model(fields: Mapping[str, Any]) -> ModelSpec:
    """The model that `model_fields` kept.

    Raises:
        RunError: it can't be read.
    """
    known = set(ModelSpec.__annotations__)
    if not known - _ADDED <= fields.keys() <= known:
        raise RunError("This run's model can't be read.", "Set the run up anew.")
    try:
        return _SPEC.validate_python(dict(fields))
    except ValidationError as error:
        raise RunError(
            f"This run's model can't be read ({first_fault(error)}).", "Set the run up anew."
        ) from error


def base_and_teachers(run: Run) -> tuple[ModelSpec, list[str]]:
    """The model of a run, and the teachers beside it, in order.

    Raises:
        RunError: the model can't be read.
    """
    return read_model(run.config.model), list(run.config.teachers)


def load_run_model(work: RunContext, spec: ModelSpec, *, trust_remote_code: bool) -> LanguageModel:
    """Load the model of a run. A chat template that asks the date gets the run's.

    Args:
        work: the run, which tells of a download and can stop it.
        spec: as the run's folder has it. That may come from elsewhere: what it says of remote
            code is a wish, never the permission.
        trust_remote_code: the permission.

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
    lm = load_language_model(spec, _fetched(work, spec))
    return replace(lm, prompt_date=work.run.config.day)


def load_run_teacher(work: RunContext, lm: LanguageModel, spec: ModelSpec) -> LanguageModel:
    """Load a second model of a run beside its first one.

    Raises:
        ModelError, ResourceError, Cancelled: as `load_run_model`.
    """
    return load_beside(lm, spec, _fetched(work, spec))


def _fetched(work: RunContext, spec: ModelSpec) -> ModelFiles:
    try:
        return fetch_model(spec, report=_telling(work), cancelled=lambda: work.stop.requested)
    except DownloadCancelledError:
        raise Cancelled from None


def _telling(work: RunContext) -> Report:
    def report(done: int, total: int, what: str = DOWNLOADING) -> None:
        work.report(done / 1e6, total / 1e6, f"{what} the model", "MB")

    return report


_SPEC: TypeAdapter[ModelSpec] = TypeAdapter(ModelSpec)
_ADDED = {"revision", "quantization"}  # runs made before them have neither
