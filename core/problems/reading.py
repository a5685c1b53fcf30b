"""Read a problem file of any format, recognised by its content, or by its name if ambiguous."""

from __future__ import annotations

from pathlib import Path

from core.errors import ProblemError
from core.problems.conversion import make_table
from core.problems.delimited_rows import delimited_rows
from core.problems.json_rows import json_rows
from core.problems.parquet_rows import parquet_rows
from core.problems.table import MAX_BYTES, ColumnMapping, ProblemTable, Rows
from core.system.person_path import person_path

SUFFIXES = ("jsonl", "json", "csv", "tsv", "parquet")
"""File extensions of the supported formats."""

ZIP = b"PK\x03\x04"
"""The first bytes of a zip file."""

NOT_READ = {
    ZIP: "a zip archive or a spreadsheet",
    b"\x1f\x8b": "packed with gzip",
    b"\x28\xb5\x2f\xfd": "packed with zstd",
    b"BZh": "packed with bzip2",
    b"\xfd7zXZ\x00": "packed with xz",
    b"%PDF": "a PDF file",
    b"\x89PNG": "a picture",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet or document",
    b"SQLite format 3\x00": "a database",
    b"ARROW1": "an Arrow file",
}
"""Kinds of files that are not read, by their first bytes; archives are never unpacked."""


def read_problem_file(
    source: str | Path | bytes, name: str = "", mapping: ColumnMapping | None = None
) -> ProblemTable:
    """Read the problems of a JSONL, JSON, CSV, TSV or Parquet file, and the rows that are rejected.

    Args:
        source: the file's path or its bytes.
        name: the file's name, for ids and messages; ignored for a path.
        mapping: the role of each column; None: guessed.

    Raises:
        ProblemError: the file can't be read, has no question column, or no valid row.
        ResourceError: a Parquet file can't be unpacked: no disk space, or no worker process.
    """
    return make_table(read_rows(source, name), mapping)


def read_rows(source: str | Path | bytes, name: str = "") -> Rows:
    """The rows of a problem file, before columns are mapped; arguments as for `read_problem_file`.

    Raises:
        ProblemError: the file doesn't exist, is too large, damaged, or of an unsupported format.
        ResourceError: as `read_problem_file`.
    """
    if isinstance(source, bytes):
        data, name = source, name or "the file"
    else:
        path = person_path(source)
        data, name = _bytes(path), name or path.name
    _check_size(len(data), name)
    for start, what in NOT_READ.items():
        if data.startswith(start):
            raise ProblemError(
                f"{name} is {what}, which is not supported.",
                "Give the problems as JSON lines, JSON, CSV, TSV or Parquet, uncompressed.",
            )
    suffix = Path(name).suffix.casefold()
    if data.startswith(b"PAR1") or suffix == ".parquet":
        return parquet_rows(data, name)
    if suffix in (".csv", ".tsv"):
        return delimited_rows(data, name, tabs=suffix == ".tsv")
    return json_rows(data, name, lines=suffix != ".json")


def _bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise ProblemError(f"{path} is a folder.", "Give a problem file inside it.")
        _check_size(path.stat().st_size, path.name)
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)  # the size of a pipe or a growing file is unknown
    except FileNotFoundError as error:
        raise ProblemError(f"The file {path} does not exist.", "Check the path.") from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise ProblemError(
            f"{path} can't be read ({error}).", "Check the path and its permissions."
        ) from error


def _check_size(size: int, name: str) -> None:
    if size > MAX_BYTES:
        raise ProblemError(
            f"{name} has {size / 1024**2:.1f} MB, and a problem file may have "
            f"{MAX_BYTES / 1024**2:.0f}.",
            "Split it into smaller files.",
        )
