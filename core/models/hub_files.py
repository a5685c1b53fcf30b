"""Select the files to fetch from a hub repository: those that a safe load needs, and the card."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from typing import Literal

Kind = Literal["model", "adapter", "facts"]
"""A complete model, a LoRA adapter, or a model without its weights."""

Instead = Literal["pickled", "gguf", "adapter", "model", "nothing", "other files"]

MARK: dict[Kind, str] = {
    "model": "config.json",
    "adapter": "adapter_config.json",
    "facts": "config.json",
}
"""The file that says what a repository holds."""

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")

_CARD = ("README.md", "LICENSE*", "LICENCE*")
_TOKENIZER = (
    *("tokenizer*.json", "special_tokens_map.json", "added_tokens.json", "chat_template.*"),
    *("vocab.*", "merges.txt", "*.model", "*.tiktoken", "tekken.json"),
)
_SMALL: dict[Kind, tuple[str, ...]] = {
    "model": ("config.json", "generation_config.json", *_TOKENIZER, *_CARD),
    "adapter": ("adapter_config.json", *_CARD),
    "facts": ("config.json", "generation_config.json", INDEX, *_TOKENIZER, *_CARD),
}
_SHARD = re.compile(r"model-\d{5}-of-\d{5}\.safetensors")


class UnfitError(Exception):
    """The repository lacks the kind requested; `holds` is what it has instead."""

    def __init__(self, holds: Instead, files: Sequence[str] = ()) -> None:
        super().__init__(holds)
        self.holds = holds
        self.files = list(files)  # GGUF files that could be named


def wanted_files(names: Collection[str], kind: Kind, *, code: bool = False) -> list[str]:
    """The files to fetch, weights last, so that a folder with all weights is complete. Files in
    subfolders are never fetched.

    Args:
        names: all files of the repository.
        code: also the model's Python files.

    Raises:
        UnfitError: nothing of this kind can be loaded.
    """
    top = {name for name in names if "/" not in name and "\\" not in name}
    if MARK[kind] not in top:
        raise _unfit(top)
    small = [*_SMALL[kind], "*.py"] if code else list(_SMALL[kind])
    files = sorted(name for name in top if any(fnmatchcase(name, each) for each in small))
    if kind == "facts":
        return files
    weights = _weights(top, kind)
    if not weights:
        raise _unfit(top - {MARK[kind]})
    return files + weights


def wanted_with(file: str, names: Collection[str]) -> list[str]:
    """One GGUF file of a repository, and before it the repository's card.

    Raises:
        UnfitError: it lists no such file.
    """
    if file not in names:
        raise UnfitError("other files", _gguf_files(names))
    cards = (name for name in names if any(fnmatchcase(name, each) for each in _CARD))
    return [*sorted(cards), file]


def _gguf_files(names: Collection[str]) -> list[str]:
    return sorted(name for name in names if name.endswith(".gguf") and "/" not in name)


def _unfit(top: set[str]) -> UnfitError:
    return UnfitError(_instead(top), _gguf_files(top))


def _weights(top: set[str], kind: Kind) -> list[str]:
    if kind == "adapter":
        return [ADAPTER_WEIGHTS] if ADAPTER_WEIGHTS in top else []
    if WEIGHTS in top:
        return [WEIGHTS]
    shards = sorted(name for name in top if _SHARD.fullmatch(name))
    return [INDEX, *shards] if INDEX in top and shards else []


def _instead(top: set[str]) -> Instead:
    if any(name.endswith(".gguf") for name in top):
        return "gguf"
    if "adapter_config.json" in top:
        return "adapter"
    if any(fnmatchcase(name, kind) for name in top for kind in PICKLED):
        return "pickled"
    return "model" if "config.json" in top else "nothing"
