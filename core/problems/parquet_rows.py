"""Rows of a Parquet file, unpacked by a worker process (`parquet_worker`)."""

from __future__ import annotations

import json
import os
import queue
import tempfile
import threading
from pathlib import Path
from typing import Any

from core.errors import ProblemError, ResourceError
from core.problems.cells import JsonNumber, NotANumber
from core.problems.table import Rows
from core.system.child_process import Worker, WorkerGoneError

LIMIT_S = 60.0
"""Time limit per file, in seconds."""


def parquet_rows(data: bytes, name: str) -> Rows:
    """The rows of a Parquet file, with the columns of text and numbers, also inside lists and
    objects.

    Raises:
        ProblemError: damaged, too large when unpacked, or too slow.
        ResourceError: no disk space, or the worker process doesn't start.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="fork-explorer-") as folder:
            path = Path(folder) / "problems.parquet"
            path.write_bytes(data)
            found = _READER.read(path)
    except OSError as error:
        raise ResourceError(
            f"{name} can't be unpacked ({error.strerror or error}).",
            "Free space in the folder for temporary files.",
        ) from error
    if "error" in found:
        raise ProblemError(
            f"{name} can't be read as Parquet ({found['error']}).",
            "Write the file again, or give a CSV file.",
        )
    columns = tuple(found["columns"])
    rows = tuple(
        (number, dict(zip(columns, row, strict=True)))
        for number, row in enumerate(found["rows"], start=1)
    )
    return Rows(name, "Parquet", "row", columns, rows)


class _Reader:
    """The worker process, started by the first file. Thread-safe; one file at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._owner = 0

    def read(self, path: Path) -> dict[str, Any]:
        """The worker's reply; `{"error": reason}` if it has none."""
        with self._lock:
            try:
                line = self._ask(path)
            except WorkerGoneError:  # crashed on this file, or died earlier
                self._drop()
                try:
                    line = self._ask(path)
                except WorkerGoneError:
                    self._drop()
                    return {"error": "it is damaged and crashed the process that read it"}
        found: dict[str, Any] = json.loads(
            line, parse_int=JsonNumber, parse_float=JsonNumber, parse_constant=NotANumber
        )
        return found

    def _ask(self, path: Path) -> bytes:
        if self._worker is None or self._owner != os.getpid():
            self._owner = os.getpid()
            self._worker = Worker(
                "-m",
                "core.problems.parquet_worker",
                purpose="reads Parquet files",
                remedy="Reinstall pyarrow and check that memory is free.",
            )
        try:
            self._worker.send(json.dumps(str(path)).encode("ascii") + b"\n")
            return self._worker.receive(LIMIT_S)
        except queue.Empty:
            self._drop()
            return json.dumps({"error": f"it takes longer than {LIMIT_S:.0f} seconds"}).encode()
        except WorkerGoneError:
            raise
        except BaseException:  # Ctrl-C: the pending reply must not answer the next request
            self._drop()
            raise

    def _drop(self) -> None:
        if self._worker is not None:
            self._worker.stop()
            self._worker = None


_READER = _Reader()
