"""GGUF files as models: converted once into a folder of the cache, and loaded from there.

The sha256 of the file names the place of its folder. A folder is renamed into place when it is
complete, and two processes that convert the same file at once get the same folder.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from transformers.modeling_gguf_pytorch_utils import GGUF_SUPPORTED_ARCHITECTURES

from core.errors import ExplorerError, ModelError, ResourceError
from core.models.gguf_file import GgufHeader, read_gguf_header
from core.models.gguf_source import folder_name, whole_folder
from core.models.worker_reports import CONVERTING, DownloadCancelledError, Report, follow
from core.system.durable_files import replace_file
from core.system.environment import cache_folder
from core.system.json_text import json_text
from core.system.terminal_text import in_bytes, printable

_WORKER = "core.models.gguf_worker"
_OTHER_DISK = "set FORK_EXPLORER_CACHE to a folder on another disk"


def converted(
    file: Path,
    name: str,
    *,
    report: Report | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Path:
    """Convert a GGUF file into a folder with its weights in float32, its config and its tokenizer.

    Args:
        file: in any quantization that transformers can dequantize.
        name: the model as the user gave it, for messages.
        report: called with the bytes of the float32 weights, from this thread.
        cancelled: polled; a cancelled conversion leaves nothing behind.

    Raises:
        DownloadCancelledError: `cancelled` returned true.
        ModelError: the file is damaged, not a language model, or of an unknown architecture.
        ResourceError: not enough disk space or memory.
    """
    file = file.absolute()  # not resolved: the hub's cache links to names without a suffix
    seen = _seen_before(file)
    folder = None if seen is None else converted_folder(seen)
    if folder is not None:
        return folder
    header = check_gguf(file)
    if report is not None:
        report(0, header.dequantized_bytes, CONVERTING)
    root = _root()
    token = secrets.token_hex(8)
    try:
        root.mkdir(parents=True, exist_ok=True)
        reply = _follow(
            {
                "path": str(file),
                "name": name,
                "root": str(root),
                "token": token,
                "quantization": header.quantization,
                "parameters": header.parameters,
            },
            name,
            report,
            cancelled,
        )
    except OSError as error:
        raise _unwritable() from error
    finally:
        for partial in root.glob(f"*.{token}.partial"):
            shutil.rmtree(partial, ignore_errors=True)
    _remember(file, reply["sha256"])
    if report is not None:
        report(header.dequantized_bytes, header.dequantized_bytes, CONVERTING)
    return Path(reply["folder"])


def converted_folder(sha256: str) -> Path | None:
    """The folder converted from the file with this hash; None: not converted yet."""
    return whole_folder(_root() / sha256)


@contextmanager
def small_files(
    file: Path, name: str, cancelled: Callable[[], bool] | None = None
) -> Iterator[Path]:
    """A temporary folder with the config and tokenizer of a GGUF file.

    Raises:
        DownloadCancelledError, ModelError, ResourceError: as `converted`.
    """
    check_gguf(file)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / folder_name(file.name)
        folder.mkdir()
        request = {"path": str(file.absolute()), "small_files": str(folder)}
        _follow(request, name, None, cancelled)
        yield folder


def is_converted(file: Path) -> bool:
    """Whether a GGUF file was converted before and is as it was then."""
    sha256 = _seen_before(file)
    return sha256 is not None and converted_folder(sha256) is not None


def check_gguf(file: Path) -> GgufHeader:
    """Read a file's header, and reject what transformers can't convert.

    Raises:
        ModelError: as `read_gguf_header`; an architecture that transformers doesn't know.
    """
    header = read_gguf_header(file)
    known = {_plain(each) for each in GGUF_SUPPORTED_ARCHITECTURES} | _NEWER
    if _plain(header.architecture) not in known:
        raise ModelError(
            f"transformers can't convert GGUF files of the architecture "
            f"{printable(header.architecture)}, as {file} is.",
            "Get the model as safetensors, or another model.",
        )
    return header


_NEWER = {"qwen35", "qwen35moe"}  # of transformers' second loader


def _plain(architecture: str) -> str:
    """llama.cpp and transformers write qwen2moe and qwen2_moe."""
    return architecture.replace("-", "").replace("_", "")


def _follow(
    request: dict[str, Any],
    name: str,
    report: Report | None,
    cancelled: Callable[[], bool] | None,
) -> dict[str, Any]:
    reply = follow(
        _WORKER,
        request,
        report=None if report is None else lambda done, total: report(done, total, CONVERTING),
        cancelled=cancelled,
        stopped=DownloadCancelledError(
            f"The conversion of {name} was stopped.",
            "Nothing was kept: load the model again to restart it.",
        ),
        silent=ResourceError(
            f"The conversion of {name} ended unexpectedly.",
            "Check that memory is free, and try again.",
        ),
        environment={"HF_HUB_OFFLINE": "1"},
    )
    if "fault" in reply:
        raise _explain(name, reply)
    return reply


def _explain(name: str, reply: dict[str, Any]) -> ExplorerError:
    again = "Get the file again, or another file of the model."
    match reply["fault"]:
        case "weights":
            return ModelError(reply["what"], again)
        case "not_finite":
            return ModelError(
                f"The weights of {name} are damaged: {reply['tensor']} has a NaN or an infinity.",
                again,
            )
        case "unsupported":
            return ModelError(
                f"The quantization of {name} can't be undone ({printable(reply['detail'])}).",
                "Get the model in another quantization, such as Q4_K_M or Q8_0.",
            )
        case "memory":
            return ResourceError(
                f"Converting {name} needs {in_bytes(reply['needed'])} of memory, and "
                f"{in_bytes(reply['free'])} are free.",
                "Close other programs, or choose a smaller model.",
            )
        case "memory_ran_out":
            return ResourceError(
                f"Memory ran out while {name} was converted.",
                "Close other programs, or choose a smaller model.",
            )
        case "disk":
            return ResourceError(
                f"The weights of {name} need {in_bytes(reply['needed'])} on the disk of "
                f"{cache_folder()}, and {in_bytes(reply['free'])} are free.",
                f"Make room, or {_OTHER_DISK}.",
            )
        case "disk_full":
            return ResourceError(
                f"The disk of {cache_folder()} is full.", f"Make room, or {_OTHER_DISK}."
            )
        case "unwritable":
            return _unwritable()
    return ModelError(
        f"The GGUF file {name} can't be converted ({printable(reply['detail'])}).", again
    )


def _unwritable() -> ModelError:
    return ModelError(
        f"The folder for converted models, {_root()}, can't be written.",
        f"Change its permissions, or {_OTHER_DISK}.",
    )


def _root() -> Path:
    return cache_folder() / "gguf"


def _seen_before(file: Path) -> str | None:
    """The sha256 of a file that was converted before and hasn't changed since."""
    try:
        kept = json.loads(_note(file).read_bytes())
        same = kept["file"] == _fingerprint(file)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    sha256 = kept.get("sha256")
    return sha256 if same and isinstance(sha256, str) and sha256.isalnum() else None


def _remember(file: Path, sha256: str) -> None:
    note = {"file": _fingerprint(file), "sha256": sha256}
    with suppress(OSError):  # the next load hashes the file again
        _note(file).parent.mkdir(parents=True, exist_ok=True)
        replace_file(_note(file), json_text(note).encode())


def _note(file: Path) -> Path:
    return _root() / "seen" / f"{hashlib.sha256(str(file).encode()).hexdigest()}.json"


def _fingerprint(file: Path) -> list[int]:
    found = file.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ino]
