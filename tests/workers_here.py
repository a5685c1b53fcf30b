"""The workers that fetch and convert models, in the process of the test: what they do is the same,
and the seconds that a process takes to import torch are saved. Tests of the process itself don't
use it."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import gguf
import pytest

from core.errors import ExplorerError
from core.models import gguf_conversion, gguf_worker, package_download, package_worker
from core.models.worker_reports import DownloadCancelledError, FaultError


def use_workers_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Conversions and downloads from a registry start no process until the end of the test."""
    monkeypatch.setattr(gguf_conversion, "follow", follow_here)
    monkeypatch.setattr(package_download, "follow", follow_here)
    monkeypatch.setattr(gguf_worker, "limit_memory", lambda limit: None)
    monkeypatch.setattr(package_worker, "_PAUSE_S", 0.0)
    for name in ("GGUFReader", "get_tensor_name_map"):  # the worker replaces them
        monkeypatch.setattr(gguf, name, getattr(gguf, name))


def follow_here(
    module: str,
    request: Mapping[str, Any],
    *,
    report: Callable[[int, int], None] | None,
    cancelled: Callable[[], bool] | None,
    stopped: DownloadCancelledError,
    silent: ExplorerError,
    grace_s: float = 0.0,
    environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """As `core.models.worker_reports.follow`, without a process."""
    worker = importlib.import_module(module)

    def reply(message: Mapping[str, Any]) -> None:
        if cancelled is not None and cancelled():
            raise stopped
        if report is not None:
            report(message["done"], message["total"])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker, "reply", reply)
        try:
            answer = worker._work(as_sent(request))
        except FaultError as fault:
            answer = fault.reply
        except DownloadCancelledError:
            raise
        except Exception as error:
            answer = worker.fault_of(error)
    return as_sent(answer)


def as_sent(message: Mapping[str, Any]) -> dict[str, Any]:
    """What is left of a message on the other side of a pipe."""
    found: dict[str, Any] = json.loads(json.dumps(message))
    return found
