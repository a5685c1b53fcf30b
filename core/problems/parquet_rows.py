"""Rows of a Parquet file, unpacked by a process of its own (`parquet_worker`)."""

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
"""Seconds that a file may take."""


def parquet_rows(data: bytes, name: str) -> Rows:
    """The rows of a Parquet file; columns that hold neither text nor numbers,
    alone or inside lists and objects, are left out.

    Raises:
        ProblemError: it is damaged, unpacks into too much, or takes too long.
        ResourceError: there is no room for it, or the process that reads it doesn't start.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="fork-explorer-") as folder:
            path = Path(folder) / "problems.parquet"
            path.write_bytes(data)
            found = _READER.read(path)
    except OSError as error:
        raise ResourceError(
            f"There is no place to unpack {name} ({error.strerror or error}).",
            "Make room in the folder for temporary files.",
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
    """The process, started by the first file; any thread may ask, one at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._owner = 0

    def read(self, path: Path) -> dict[str, Any]:
        """What the process answers; `{"error": reason}` where it can't."""
        with self._lock:
            try:
                line = self._ask(path)
            except WorkerGoneError:  # by this file, or long ago by somebody's hand
                self._drop()
                try:
                    line = self._ask(path)
                except WorkerGoneError:
                    self._drop()
                    return {"error": "it is so damaged that the process that read it broke down"}
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
        except BaseException:  # Ctrl-C: the reply still due must not answer the next file
            self._drop()
            raise

    def _drop(self) -> None:
        if self._worker is not None:
            self._worker.stop()
            self._worker = None


_READER = _Reader()
