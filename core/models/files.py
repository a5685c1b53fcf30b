"""Check a model or adapter folder before anything is loaded from it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from core.errors import ModelError, examples
from core.models.hub_files import ADAPTER_WEIGHTS, INDEX, PICKLED, WEIGHTS, Kind

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?", re.ASCII)
_REVISION = re.compile(r"\w[\w./+-]*", re.ASCII)
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.*", "*.tiktoken", "tekken.json")


def is_hub_id(name: str) -> bool:
    """Whether a name has the shape of a hub id (owner/model)."""
    # Here, since the command line's help needs the names of models and nothing of the hub.
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(name)
    except HFValidationError:
        return False
    return bool(_HUB_ID.fullmatch(name))


def check_revision(revision: str) -> None:
    """Reject an invalid name of a branch, tag or commit: revisions become paths in the cache.

    Raises:
        ModelError: the name is invalid.
    """
    if not _REVISION.fullmatch(revision) or ".." in revision or "//" in revision:
        raise ModelError(
            f"The revision {revision!r} is not the name of a branch, tag or commit.",
            "Give one that the model's page on the hub lists.",
        )


def check_model_folder(folder: Path, *, weights: bool = True) -> None:
    """Reject a folder without a complete model in safetensors.

    Args:
        weights: False if only config and tokenizer will be read.

    Raises:
        ModelError: naming what is missing.
    """
    if not folder.is_dir():
        raise ModelError(
            f"Found no model folder {folder}.",
            "Give an existing folder, a hub id such as owner/model, or demo.",
        )
    if not (folder / "config.json").is_file():
        _point_at_gguf(folder)
        raise ModelError(
            f"The folder {folder} has no config.json, so it isn't a Hugging Face model.",
            "Choose the folder that holds config.json and the weights.",
        )
    _check_links(folder)
    if weights:
        _check_model_weights(folder)
    if not has_tokenizer(folder):
        # Without them transformers would create an empty tokenizer.
        raise ModelError(
            f"The folder {folder} has no tokenizer.",
            "Copy the model's tokenizer files (tokenizer.json and its config) there.",
        )


def has_tokenizer(folder: Path) -> bool:
    """Whether a folder holds a tokenizer's files."""
    return any(path for kind in _TOKENIZERS for path in folder.glob(kind))


def check_adapter_folder(folder: Path) -> None:
    """Reject a folder without a LoRA adapter in safetensors.

    Raises:
        ModelError: naming what is missing.
    """
    if not (folder / "adapter_config.json").is_file():
        raise ModelError(
            f"Found no adapter in {folder}: adapter_config.json is missing.",
            "Choose a folder that peft saved, or a hub id such as owner/adapter.",
        )
    _check_links(folder)
    if not (folder / ADAPTER_WEIGHTS).is_file():
        _refuse_weights(folder, ADAPTER_WEIGHTS)


def adapter_facts(folder: Path) -> dict[str, Any]:
    """An adapter's config.

    Raises:
        ModelError: unreadable, or not LoRA: other kinds may add tokens that the cache lacks.
    """
    try:
        facts: dict[str, Any] = json.loads((folder / "adapter_config.json").read_bytes())
        kind = facts.get("peft_type")
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(
            f"The adapter config in {folder} can't be read ({type(error).__name__}).",
            "Choose a folder that peft saved.",
        ) from error
    if kind != "LORA":
        raise ModelError(f"The adapter in {folder} is {kind}, not LoRA.", "Choose a LoRA adapter.")
    return facts


def is_whole(folder: Path, kind: Kind) -> bool:
    """Whether a folder has all files of its kind."""
    try:
        if kind == "adapter":
            check_adapter_folder(folder)
        else:
            check_model_folder(folder, weights=kind == "model")
    except ModelError:
        return False
    return True


def stored_bytes(folder: Path) -> int | None:
    """Bytes of a model's weight files; None if unknown."""
    if (folder / WEIGHTS).is_file():
        return (folder / WEIGHTS).stat().st_size
    try:
        return int(json.loads((folder / INDEX).read_bytes())["metadata"]["total_size"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _check_model_weights(folder: Path) -> None:
    if (folder / WEIGHTS).is_file():
        return
    if not (folder / INDEX).is_file():
        _refuse_weights(folder, WEIGHTS)
    try:
        shards = set(json.loads((folder / INDEX).read_bytes())["weight_map"].values())
        outside = sorted(name for name in shards if name != Path(name).name or "\\" in name)
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise ModelError(
            f"The index of the weights in {folder} can't be read ({type(error).__name__}).",
            f"Copy {INDEX} there again.",
        ) from error
    if outside:
        raise ModelError(
            f"The index of the weights in {folder} names a file outside it ({outside[0]}).",
            "Get the model from a source you trust.",
        )
    missing = sorted(name for name in shards if not (folder / name).is_file())
    if missing:
        raise ModelError(
            f"The folder {folder} lacks {len(missing)} of its {len(shards)} files of weights "
            f"({examples(missing)}).",
            "Finish the download, or copy them there.",
        )


def _refuse_weights(folder: Path, name: str) -> None:
    _point_at_gguf(folder)
    if any(path for kind in PICKLED for path in folder.glob(kind)):
        raise ModelError(
            f"The weights in {folder} are pickled, and a pickle can run code when it is opened.",
            "Convert them to safetensors first (model.save_pretrained writes them).",
        )
    raise ModelError(
        f"The folder {folder} has no weights ({name}).",
        "Choose the folder that holds them, or finish the download.",
    )


def _point_at_gguf(folder: Path) -> None:
    """Refuse a folder whose weights are a GGUF file, naming the file."""
    files = sorted(path.name for path in folder.glob("*.gguf"))
    if files:
        raise ModelError(
            f"The folder {folder} holds a GGUF model, which is one file.",
            f"Give the file itself: {folder / files[0]}"
            + (f" (there are: {examples(files)})." if len(files) > 1 else "."),
        )


def _check_links(folder: Path) -> None:
    """Reject links out of a folder: in a folder from elsewhere they could expose any file of this
    machine. Snapshots in the hub's cache link to its blobs, so links within the cache are fine."""
    inside = folder.resolve()
    if inside.parent.name == "snapshots" and inside.parent.parent.name.startswith("models--"):
        inside = inside.parents[2]
    for path in (*folder.glob("*"), *folder.glob("*/*")):
        if path.is_symlink() and not path.resolve().is_relative_to(inside):
            raise ModelError(
                f"{path.name} in {folder} links outside that folder.",
                "Put the file itself there.",
            )
