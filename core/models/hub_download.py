"""Download models and adapters from the hub, with progress, cancel and clear errors.

For private models huggingface_hub uses the token in its environment variable HF_TOKEN, or that of
its login. Only the download process reads the token; it is neither stored nor shown here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.errors import ExplorerError, ModelError, ResourceError, examples
from core.models.files import check_revision
from core.models.hub_files import Kind
from core.models.worker_reports import DownloadCancelledError, Report, follow
from core.system.terminal_text import in_bytes

_GRACE_S = 5.0  # for the process to delete the incomplete file


def download(
    hub_id: str,
    revision: str | None = None,
    *,
    kind: Kind = "model",
    code: bool = False,
    file: str | None = None,
    report: Report | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Path:
    """Fetch the missing files of a model or adapter into the hub's cache.

    A broken connection is resumed. When a download ends early, complete files are kept and the
    incomplete one is deleted. If the hub can't be reached, the cache is used if it is complete.

    Args:
        revision: a branch, tag or commit; None: the main branch.
        kind: "facts" is a model without its weights.
        code: also fetch the model's Python files.
        file: a GGUF file of the repository, fetched with its card and nothing else.
        report: called from this thread.
        cancelled: polled continuously.

    Returns:
        The snapshot's folder in the cache, or the file in it.

    Raises:
        DownloadCancelledError: `cancelled` returned true.
        ModelError: not available, with the reason.
        ResourceError: the disk is full.
    """
    if revision is not None:
        check_revision(revision)
    request = {"hub_id": hub_id, "revision": revision, "kind": kind, "code": code, "file": file}
    name = hub_id if revision is None else f"{hub_id} (revision {revision})"
    what = "adapter" if kind == "adapter" else "model"
    reply = follow(
        "core.models.hub_worker",
        request,
        report=report,
        cancelled=cancelled,
        stopped=DownloadCancelledError(
            f"The download of {name} was stopped.",
            "What was complete is kept: load it again to fetch the rest.",
        ),
        silent=ModelError(
            f"The download of the {what} {name} ended unexpectedly.",
            "Check that memory is free, and try again.",
        ),
        grace_s=_GRACE_S,
        # One connection per file, resumed by Range requests; the Xet client can't be interrupted.
        environment={"HF_HUB_DISABLE_XET": "1"},
    )
    if "fault" in reply:
        raise _explain(what, name, reply)
    return Path(reply["folder"])


_OWN_TOKEN = "set the environment variable HF_TOKEN to a token of yours, and start again"


def _explain(what: str, name: str, reply: dict[str, Any]) -> ExplorerError:
    has_token = reply.get("token")
    match reply["fault"]:
        case "unreachable" if reply["begun"]:
            return ModelError(
                f"The {what} {name} is incomplete on this machine, and the hub can't be reached: "
                f"{reply['why']}.",
                "Check the network and load it again to fetch the rest.",
            )
        case "unreachable":
            return ModelError(
                f"The {what} {name} is not on this machine and the hub can't be reached: "
                f"{reply['why']}.",
                "Check the network, or give a local folder.",
            )
        case "not_found" if has_token:
            return ModelError(
                f"The hub has no {what} {name} that your token may read.",
                "Check the name, and that the token may read it if it is private.",
            )
        case "not_found":
            return ModelError(
                f"The hub has no public {what} {name}.",
                f"Check the name; if it is private, {_OWN_TOKEN}.",
            )
        case "no_revision":
            return ModelError(
                f"The hub has no {what} {name}: no such branch, tag or commit.",
                "Give one that the model's page on the hub lists, or omit the revision.",
            )
        case "gated" if has_token:
            return ModelError(
                f"The authors of {name} have not given you access to it.",
                "Accept their conditions on the model's page on the hub.",
            )
        case "gated":
            return ModelError(
                f"The authors of {name} require that you accept their conditions.",
                f"Accept them on the model's page on the hub; then {_OWN_TOKEN}.",
            )
        case "bad_token":
            return ModelError(
                "The hub does not accept your token.",
                "Put a valid one into the environment variable HF_TOKEN, or remove it, and "
                "start again.",
            )
        case "forbidden":
            return ModelError(
                f"The hub forbids you to read {name}.",
                f"If it is yours, {_OWN_TOKEN}: one that may read it."
                if not has_token
                else "Use a token that may read it.",
            )
        case "status":
            return ModelError(
                f"The hub can't give {name} at the moment (status {reply['status']}).",
                "Try again later.",
            )
        case "disk":
            return ResourceError(
                f"The {what} {name} needs {in_bytes(reply['needed'])} more on the disk of "
                f"{reply['place']}, and {in_bytes(reply['free'])} are free.",
                "Make room, or set HF_HOME to a folder on another disk and start again.",
            )
        case "disk_full":
            return ResourceError(
                f"The disk of {reply['place']} is full.",
                "Make room, or set HF_HOME to a folder on another disk and start again.",
            )
        case "unwritable":
            return ModelError(
                f"The folder for downloads, {reply['place']}, can't be written.",
                "Change its permissions, or set HF_HOME to another folder and start again.",
            )
        case "unfit":
            return _unfit(what, name, reply["holds"], reply["files"])
    return ModelError(
        f"The download of the {what} {name} failed ({reply.get('detail')}).", "Try it again."
    )


def _unfit(what: str, name: str, holds: str, files: list[str]) -> ModelError:
    match holds:
        case "gguf" | "other files" if files:
            return ModelError(
                f"{name} holds GGUF files, and none of them was named."
                if holds == "gguf"
                else f"{name} has no file of that name.",
                f"Name one of them, such as {name.split()[0]}:{files[0]} (there are: "
                f"{examples(files)}).",
            )
        case "other files":
            return ModelError(f"{name} has no GGUF files.", "Give the id alone.")
        case "pickled":
            return ModelError(
                f"The weights of {name} are pickled, and a pickle can run code when it is opened.",
                "Use a revision or copy with safetensors weights.",
            )
        case "adapter":
            return ModelError(
                f"{name} is an adapter, not a whole model.",
                "Enter it as the adapter, and the model it was trained on as the model.",
            )
        case "model":
            return ModelError(
                f"{name} is not a LoRA adapter: it has no adapter_config.json or no weights."
                if what == "adapter"
                else f"The model {name} has no safetensors weights.",
                "Enter a model's id as the model, and an adapter's id as the adapter.",
            )
    return ModelError(
        f"{name} holds no {what} that transformers can load.",
        f"Choose a repository with {'adapter_config.json' if what == 'adapter' else 'config.json'}"
        " and safetensors.",
    )
