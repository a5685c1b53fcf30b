"""The rows of a file of rollouts, one after the other: JSON lines are never held as a whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import FileError
from core.imports.archives import eval_archive, is_archive
from core.problems.cells import JsonNumber, NotANumber, is_proper_text
from core.problems.delimited_rows import delimited_rows
from core.problems.parquet_rows import parquet_rows
from core.problems.reading import NOT_READ, ZIP
from core.problems.table import MAX_BYTES, RowRefusal, Rows
from core.system.person_path import person_path

MAX_LINE = 64 * 1024**2
"""Maximum length of a line, bytes: a rollout of 100,000 tokens with 20 numbers each has 30 MB."""

MAX_DOCUMENT = 256 * 1024**2
"""Maximum size of a JSON document, bytes, which is parsed as a whole."""

_CONTAINERS = ("samples", "rollouts", "chains", "records", "rows", "data", "examples", "results")
_OTHER = {magic: what for magic, what in NOT_READ.items() if magic != ZIP} | {
    b"\x80": "a Python pickle, which may run code"
}  # by the first bytes

Numbered = Iterator[tuple[int, dict[str, Any]] | RowRefusal]


@dataclass(frozen=True)
class Source:
    """A file's rows. `rows` starts again at each call."""

    name: str
    kind: str  # the format
    noun: str  # its word for a row
    rows: Callable[[], Numbered]


def open_source(source: str | Path) -> Source:
    """The rows of a JSON lines, JSON, CSV, TSV or Parquet file, or an Inspect log
    (.eval). What it is its content says, and the name where that is ambiguous.

    Raises:
        FileError: no such file, it can't be read, or it is of another kind.
        ProblemError, ResourceError: as `parquet_rows` and `delimited_rows`.
    """
    path = person_path(source)
    try:
        if path.is_dir():
            raise FileError(f"{path} is a folder.", "Give a file inside it.")
        with path.open("rb") as file:
            start = file.read(16)
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise FileError(f"The file {path} does not exist.", "Check the path.") from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise FileError(
            f"{path} can't be read ({error}).", "Check the path and its permissions."
        ) from error
    return _source(path, start, size)


def _source(path: Path, start: bytes, size: int) -> Source:
    name, suffix = path.name, path.suffix.casefold()
    for magic, what in _OTHER.items():
        if start.startswith(magic):
            raise FileError(
                f"{name} is {what}, which is not read.",
                "Give JSON lines, JSON, CSV, Parquet, or an Inspect log (.eval).",
            )
    if start.startswith(ZIP):
        if is_archive(path, "data.pkl"):
            raise FileError(
                f"{name} is a torch file, a pickle, which may run code; it is not read.",
                "Where you trust it, write each of its samples as a line of JSON.",
            )
        return Source(name, "Inspect log", "sample", lambda: eval_archive(path))
    if start.startswith(b"PAR1") or suffix == ".parquet":
        return _table(parquet_rows(_data(path, size, MAX_BYTES), name))
    if suffix in (".csv", ".tsv"):
        return _table(delimited_rows(_data(path, size, MAX_BYTES), name, tabs=suffix == ".tsv"))
    if suffix == ".json" or not _is_lines(path):
        records = _records(path, size)
        if records is not None:
            return Source(name, "JSON", "record", lambda: _numbered(records))
    return Source(name, "JSON lines", "line", lambda: _lines(path))


def _data(path: Path, size: int, most: int) -> bytes:
    if size > most:
        raise FileError(
            f"{path.name} has {size / 1024**2:,.0f} MB, and {most / 1024**2:.0f} are allowed in "
            "this format.",
            "Write it as JSON lines, one rollout a line, which are read one by one.",
        )
    with path.open("rb") as file:
        return file.read(most + 1)


def _table(rows: Rows) -> Source:
    def numbered() -> Numbered:
        yield from rows.refused
        for number, row in rows.rows:
            yield number, {name: plain(cell) for name, cell in row.items()}

    return Source(rows.name, rows.kind, rows.noun, numbered)


def plain(value: Any) -> Any:
    """A cell with numbers as Python has them, also inside lists and objects."""
    if isinstance(value, JsonNumber):
        text = str(value)
        return int(text) if text.lstrip("-").isdigit() else float(text)
    if isinstance(value, NotANumber):
        return float("nan")
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return value


def _is_lines(path: Path) -> bool:
    """Whether the first line that isn't blank is a JSON value of its own."""
    with path.open("rb") as file:
        for line in iter(lambda: file.readline(MAX_LINE), b""):
            if line.strip():
                return isinstance(_parsed(line), dict)
    return True


def _records(path: Path, size: int) -> list[Any] | None:
    """The records of a JSON document; None where it is JSON lines after all."""
    data = _data(path, size, MAX_DOCUMENT)
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        if _is_lines(path):
            return None
        place = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise FileError(
            f"{path.name}{place}: the JSON can't be read ({_reason(error)}).",
            "Write one JSON object a line, or a list of objects.",
        ) from error
    if isinstance(document, list):
        return document
    if isinstance(document, dict):
        return _of_document(document)
    raise FileError(f"{path.name} holds no records.", "Write one JSON object a line.")


def _of_document(document: dict[str, Any]) -> list[Any]:
    """The list of records of a document, each with the document's other values under "log"; else
    the document itself."""
    for key in _CONTAINERS:
        records = document.get(key)
        if isinstance(records, list) and records and all(isinstance(r, dict) for r in records):
            rest = {name: value for name, value in document.items() if name != key}
            return [{**record, "log": rest} for record in records] if rest else records
    return [document]


def _numbered(records: list[Any]) -> Numbered:
    for number, record in enumerate(records, start=1):
        if isinstance(record, dict):
            yield number, record
        else:
            yield RowRefusal(number, "this is not a JSON object")


def _lines(path: Path) -> Numbered:
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_LINE + 1):
            number += 1
            if len(line) > MAX_LINE:
                yield RowRefusal(number, f"it has more than {MAX_LINE // 1024**2} MB")
                while line and not line.endswith(b"\n"):
                    line = file.readline(MAX_LINE)
                continue
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if line.strip():
                found = _parsed(line)
                yield (
                    (number, found) if isinstance(found, dict) else RowRefusal(number, str(found))
                )


def _parsed(line: bytes) -> dict[str, Any] | str:
    """The object of a line, or why there is none."""
    try:
        text = line.rstrip(b"\r\n").decode("utf-8")
    except UnicodeDecodeError:
        return "this is not UTF-8 text"
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        return f"the JSON is broken at column {error.colno} ({error.msg})"
    except (ValueError, RecursionError) as error:
        return f"the JSON can't be read ({_reason(error)})"
    if not isinstance(found, dict):
        return "this is not a JSON object"
    return found if all(map(is_proper_text, found)) else "a name in it has an invalid character"


def _reason(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
