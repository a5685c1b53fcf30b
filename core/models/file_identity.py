"""What a model's files are today: a name says which folder, not whether it was written anew."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from huggingface_hub import try_to_load_from_cache

from core.models.catalogue import packaged_model
from core.models.spec import ModelSpec, adapter_folder, gguf_on_hub, is_gguf, local_folder
from core.system.json_text import json_text

_KINDS = {".safetensors", ".json", ".gguf", ".model", ".txt", ".jinja"}
_SNAPSHOT = "config.json", "adapter_config.json"


def files_identity(spec: ModelSpec) -> str:
    """A hash of how a model is asked for and of its files and its adapter's, without reading them:
    their sizes and the moments at which they were written, the commit of a model of the hub.

    Returns:
        64 hexadecimal digits.
    """
    asked = [spec.model, spec.adapter, spec.revision, spec.dtype, spec.quantization]
    found = [*_model(spec), *_adapter(spec)]
    return hashlib.sha256(json_text([asked, found]).encode()).hexdigest()


def _model(spec: ModelSpec) -> Iterator[list[object]]:
    package = packaged_model(spec.model)
    if package is not None:
        yield [package.member_sha256]
        return
    local = local_folder(spec.model)
    if local is not None:
        yield from _files(local)
        return
    hub_id, file = gguf_on_hub(spec.model) or (spec.model, _SNAPSHOT[0])
    yield [_commit(hub_id, file, spec.revision)]


def _adapter(spec: ModelSpec) -> Iterator[list[object]]:
    if spec.adapter is None:
        return
    local = adapter_folder(spec.adapter)
    if local is not None:
        yield from _files(local)
    else:
        yield [_commit(spec.adapter, _SNAPSHOT[1], None)]


def _files(place: Path) -> Iterator[list[object]]:
    """Name, bytes and moment of the files that make a model."""
    try:
        files = [place] if is_gguf(place) else sorted(place.iterdir())
        for each in files:
            if each.suffix in _KINDS:
                found = each.stat()
                yield [each.name, found.st_size, found.st_mtime_ns, found.st_ino]
    except OSError:
        return


def _commit(hub_id: str, file: str, revision: str | None) -> str:
    """The folder of the snapshot that is on this machine, named by its commit; "" without one."""
    try:
        cached = try_to_load_from_cache(hub_id, file, revision=revision)
    except ValueError:  # not the name of a repository
        return ""
    return Path(cached).parent.name if isinstance(cached, str) else ""
