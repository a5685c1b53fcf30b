"""Model specifications: name, folder or hub id, and how to load the model."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from core.errors import ModelError
from core.models.catalogue import packaged_model
from core.models.files import (
    check_adapter_folder,
    check_model_folder,
    check_revision,
    is_hub_id,
)
from core.system.person_path import person_path
from core.system.project_root import project_root

Quantization = Literal["none", "4bit", "8bit"]
"""Weights as they are stored, or of 4 or 8 bits by bitsandbytes."""

_FILE_ON_HUB = re.compile(r"[A-Za-z0-9][\w.-]*\.gguf", re.ASCII)


DEMO = "demo"


DEMO_NOTICE = (
    "Teaching model: its forks were built in on purpose. Learn the tool with it; "
    "it says nothing about real models."
)
"""Shown wherever figures of the demo model appear."""


DEMO_FOLDER = project_root() / "sample_data" / "demo_model"


DEMO_TEACHER = "demo-teacher"
"""The name of the demo's adapter that was trained by reinforcement learning."""


DEMO_TEACHER_FOLDER = DEMO_FOLDER.with_name("demo_teacher")


@dataclass(frozen=True)
class ModelSpec:
    """Which model to load, and how.

    `model` is "demo", "smollm2", a folder, a hub id, a .gguf file, or a GGUF file on the hub as
    owner/model:file.gguf; `adapter` is a folder or hub id of a LoRA adapter, or "demo-teacher".
    `trust_remote_code` runs the model's own Python code: only for authors you trust. `revision` is
    a branch, tag or commit on the hub; None: the main branch.
    """

    model: str = DEMO
    adapter: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    trust_remote_code: bool = False
    revision: str | None = None
    quantization: Quantization = "none"


def teacher_spec(base: ModelSpec, teacher: str) -> ModelSpec:
    """The specification of a teacher: an adapter's folder is loaded onto the base's model, any
    other name is a separate model. Device, dtype and quantization are the base's. A separate
    model's own Python code never runs, since permission was given for the base only.

    Raises:
        ModelError: the demo's teacher with another base than the demo.
    """
    if teacher == DEMO_TEACHER and base.model != DEMO:
        raise ModelError(
            f"The {DEMO_TEACHER} is an adapter of the demo model, and the model is {base.model}.",
            "Choose the model demo, or another teacher.",
        )
    if (_folder(teacher) / "adapter_config.json").is_file():
        return replace(base, adapter=teacher)
    return replace(base, model=teacher, adapter=None, trust_remote_code=False, revision=None)


def absolute_name(name: str) -> str:
    """The absolute path of a folder or GGUF file, which is valid from anywhere; other names are
    unchanged."""
    folder = _folder(name)
    named = name in (DEMO, DEMO_TEACHER) or packaged_model(name) is not None
    local = folder.is_dir() or (is_gguf(folder) and folder.is_file())
    return name if named or not local else str(folder.resolve())


def check_spec(spec: ModelSpec) -> None:
    """Reject folders without a model or adapter early. Whether a model exists on the hub is only
    checked when it is loaded.

    Raises:
        ModelError: naming what is missing.
    """
    folder = local_folder(spec.model)
    if folder is not None and is_gguf(folder):
        from core.models.gguf_conversion import check_gguf  # it imports torch

        check_gguf(folder)
    elif folder is not None:
        check_model_folder(folder)
    check_revision_of(spec)
    adapter = None if spec.adapter is None else adapter_folder(spec.adapter)
    if adapter is not None:
        check_adapter_folder(adapter)


def adapter_folder(name: str) -> Path | None:
    """The folder of an adapter on this machine; None for a hub id (owner/name)."""
    return local_folder(name) if "/" in name else _folder(name)


def check_revision_of(spec: ModelSpec) -> None:
    """Reject an invalid revision.

    Raises:
        ModelError: an invalid name, or a model that is not on the hub.
    """
    if spec.revision is None:
        return
    check_revision(spec.revision)
    if local_folder(spec.model) is not None or packaged_model(spec.model) is not None:
        raise ModelError(
            f"The model {spec.model} has no revisions: it is not from the hub.",
            "Leave the revision out.",
        )


def is_gguf(path: Path) -> bool:
    """Whether a path names a GGUF file rather than a folder."""
    return path.suffix == ".gguf" and not path.is_dir()


def gguf_on_hub(name: str) -> tuple[str, str] | None:
    """The repository and the file that owner/model:file.gguf names; None for any other name."""
    hub_id, colon, file = name.partition(":")
    fits = colon and _FILE_ON_HUB.fullmatch(file) and is_hub_id(hub_id)
    return (hub_id, file) if fits else None


def local_folder(name: str) -> Path | None:
    """The folder or GGUF file of a model on this machine; None for a hub id, a GGUF file of the
    hub, or a model that comes from the package registry."""
    if name == DEMO:
        return DEMO_FOLDER
    if packaged_model(name) is not None:
        return None
    folder = _folder(name)
    if gguf_on_hub(name) is not None and not folder.is_file():
        return None
    if is_gguf(folder):
        return folder
    return None if is_hub_id(name) and name != DEMO_TEACHER and not folder.is_dir() else folder


def _folder(name: str) -> Path:
    """A name as a path, with `~` expanded."""
    if name == DEMO_TEACHER:
        return DEMO_TEACHER_FOLDER
    return person_path(name).absolute()
