"""Worker process that converts a GGUF file into a folder with safetensors.

`core.models.gguf_conversion` starts it with the arguments of `convert`, through
`core.models.worker_reports`. It is a process because a conversion must stop at once when
cancelled, and because a file that makes a library exhaust memory must not take the app down.
transformers does the conversion; the patches here only avoid reading the same header five times.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import shutil
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import psutil
import torch
from filelock import FileLock
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    GgufConfig,
    PreTrainedConfig,
)
from transformers.utils import logging

from core.errors import ModelError
from core.models.gguf_source import GgufSource, folder_name, whole_folder
from core.models.whole_checkpoint import check_whole
from core.models.worker_reports import FaultError, reply, serve
from core.system.child_process import limit_memory

_RESERVE = 64 << 20  # bytes of disk beside the weights
_ROOM = 2 << 30  # bytes of address space beside the weights
_COPIES = 2  # of the weights in memory: as dequantised, and as they are written


def convert(
    path: str, name: str, root: str, token: str, quantization: str, parameters: int
) -> dict[str, Any]:
    """Convert a file whose header was checked, unless its folder is there.

    Args:
        path: of the file.
        name: the model as the user gave it.
        root: folder of all conversions; this one's is named by the file's sha256.
        token: names the incomplete folder, which the parent deletes after a kill.
        quantization, parameters: from the header.

    Returns:
        {"folder": path, "sha256": hex}

    Raises:
        FaultError: it can't be converted.
    """
    file, place = Path(path), Path(root)
    sha256 = _sha256(file)
    with FileLock(place / f"{sha256}.lock"):  # another process may be converting the same file
        folder = whole_folder(place / sha256)
        if folder is not None:
            return {"folder": str(folder), "sha256": sha256}
        for left in (*place.glob(f"{sha256}.*.partial"), place / sha256):
            shutil.rmtree(left, ignore_errors=True)  # of a process that was killed
        _check_room(place, 4 * parameters)
        partial = place / f"{sha256}.{token}.partial"
        folder = partial / folder_name(file.name)
        folder.mkdir(parents=True)
        try:
            config = write_small_files(file, folder)
            _write_weights(file, name, config, folder, parameters)
            GgufSource(file.name, sha256, quantization).write(folder)
            partial.replace(place / sha256)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return {"folder": str(place / sha256 / folder.name), "sha256": sha256}


def write_small_files(file: Path, folder: Path) -> PreTrainedConfig:
    """Write config and tokenizer, with its chat template; returns the config."""
    tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    tokenizer.save_pretrained(folder)
    config = AutoConfig.from_pretrained(file.parent, gguf_file=file.name)
    config.save_pretrained(folder)
    licence = _text(file, "general.license")
    if licence is not None and licence.replace("-", "").replace(".", "").isalnum():
        (folder / "README.md").write_text(f"---\nlicense: {licence}\n---\n", encoding="utf-8")
    return config


def _write_weights(
    file: Path, name: str, config: PreTrainedConfig, folder: Path, parameters: int
) -> None:
    with _Progress(4 * parameters):
        model, found = AutoModelForCausalLM.from_pretrained(
            file.parent,
            config=config,
            gguf_file=file.name,
            dtype=torch.float32,
            quantization_config=GgufConfig(dequantize=True),  # and no kernels from the hub
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # refused below, by their names
        )
    try:
        check_whole(name, found)
    except ModelError as error:
        raise FaultError("weights", what=error.what) from error
    for key, weights in model.named_parameters():
        if not bool(torch.isfinite(weights).all()):
            raise FaultError("not_finite", tensor=key)
    model.hf_quantizer = None  # save_pretrained refuses a model with one
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(folder)


class _Progress:
    """Report the bytes that have been dequantised."""

    def __init__(self, total: int) -> None:
        self.done, self.total = 0, total
        self.plain = gguf.dequantize

    def __enter__(self) -> None:
        gguf.dequantize = self._dequantize

    def __exit__(self, *_: object) -> None:
        gguf.dequantize = self.plain

    def _dequantize(self, data: Any, kind: Any) -> Any:
        weights = self.plain(data, kind)
        self.done += 4 * weights.size
        # One byte is left for the last reply: the file is not written yet.
        reply({"done": min(self.done, self.total - 1), "total": self.total})
        return weights


class _Reader(gguf.GGUFReader):
    """Reads a header from plain memory: slicing a memmap is slow."""

    @property
    def data(self) -> Any:
        return self._data

    @data.setter
    def data(self, mapped: Any) -> None:
        self._data = np.asarray(mapped)


def _text(file: Path, key: str) -> str | None:
    """A text of the metadata."""
    field = gguf.GGUFReader(str(file)).get_field(key)
    value = None if field is None else field.contents()
    return value if isinstance(value, str) else None


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _check_room(place: Path, weights: int) -> None:
    """Check the free disk space and memory, in bytes, and limit this process's memory.

    Raises:
        FaultError: not enough space.
    """
    free = shutil.disk_usage(place).free
    if weights + _RESERVE > free:
        raise FaultError("disk", needed=weights + _RESERVE, free=free)
    free = psutil.virtual_memory().available
    if _COPIES * weights > free:
        raise FaultError("memory", needed=_COPIES * weights, free=free)
    taken = psutil.Process().memory_info().vms
    limit_memory(taken + 2 * _COPIES * weights + _ROOM)


def fault_of(error: Exception) -> dict[str, Any]:
    """The report of an error to the parent."""
    first_line = next(iter(str(error).strip().splitlines()), "")
    match error:
        case MemoryError():
            return {"fault": "memory_ran_out"}
        case RuntimeError() if "allocate" in str(error):
            return {"fault": "memory_ran_out"}
        case OSError() if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return {"fault": "disk_full"}
        case PermissionError():
            return {"fault": "unwritable"}
        case NotImplementedError():
            return {"fault": "unsupported", "detail": first_line}
    return {"fault": "broken", "detail": f"{type(error).__name__}: {first_line}"}


def _work(request: dict[str, Any]) -> dict[str, Any]:
    logging.set_verbosity_error()
    gguf.GGUFReader = functools.lru_cache(maxsize=1)(_Reader)
    gguf.get_tensor_name_map = functools.cache(gguf.get_tensor_name_map)
    folder = request.pop("small_files", None)
    if folder is None:
        return convert(**request)
    write_small_files(Path(request["path"]), Path(folder))
    return {"folder": folder}


if __name__ == "__main__":
    serve(_work, fault_of)
