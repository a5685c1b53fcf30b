"""Looks at a model or adapter folder before anything is loaded from it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from core.errors import ModelError

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.*", "*.tiktoken", "tekken.json")
_PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")


def is_hub_id(name: str) -> bool:
    """Whether a name has the shape of a hub id (owner/model)."""
    return bool(_HUB_ID.fullmatch(name)) and ".." not in name


def check_model_folder(folder: Path) -> None:
    """Refuse a folder that holds no whole model with safe weights.

    Raises:
        ModelError: saying what is missing.
    """
    if not folder.is_dir():
        raise ModelError(
            f"There is no model folder {folder}.",
            "Give an existing folder, a hub id such as owner/model, or demo.",
        )
    if not (folder / "config.json").is_file():
        raise ModelError(
            f"The folder {folder} has no config.json, so it is no Hugging Face model.",
            "Choose the folder that holds config.json and the weights.",
        )
    _check_weights(folder, "model*.safetensors")
    if not any(path for kind in _TOKENIZERS for path in folder.glob(kind)):
        # transformers would make an empty tokenizer up.
        raise ModelError(
            f"The folder {folder} has no tokenizer.",
            "Copy the model's tokenizer files (tokenizer.json and its config) there.",
        )


def check_adapter_folder(folder: Path) -> None:
    """Refuse a folder that holds no LoRA adapter with safe weights.

    Raises:
        ModelError: saying what is missing.
    """
    if not (folder / "adapter_config.json").is_file():
        raise ModelError(
            f"There is no adapter in {folder}: adapter_config.json is missing.",
            "Choose a folder that peft saved.",
        )
    _check_weights(folder, "adapter_model.safetensors")


def check_adapter_kind(folder: Path) -> None:
    """Refuse what is no LoRA adapter: other kinds add tokens that a cache doesn't know of.

    Raises:
        ModelError: of another kind, or its config can't be read.
    """
    try:
        kind = json.loads((folder / "adapter_config.json").read_bytes()).get("peft_type")
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(
            f"The adapter config in {folder} can't be read ({type(error).__name__}).",
            "Choose a folder that peft saved.",
        ) from error
    if kind != "LORA":
        raise ModelError(f"The adapter in {folder} is {kind}, not LoRA.", "Choose a LoRA adapter.")


def _check_weights(folder: Path, pattern: str) -> None:
    if any(folder.glob(pattern)):
        return
    if any(path for kind in _PICKLED for path in folder.glob(kind)):
        raise ModelError(
            f"The weights in {folder} are pickled, and a pickle can run code when it is opened.",
            "Convert them to safetensors first (model.save_pretrained writes them).",
        )
    raise ModelError(
        f"The folder {folder} has no weights ({pattern}).",
        "Choose the folder that holds them, or finish the download.",
    )
