"""Rows of a Parquet file, unpacked in small pieces: a thousand bytes of one can hold gigabytes."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import ProblemError
from core.problem_files.arrow_rows import arrow_rows
from core.problem_files.table import MAX_ROWS, Rows
from core.problem_files.text import number_of_rows_error

MAX_UNPACKED = 256 * 1024**2
"""Bytes that the columns of a Parquet file may have unpacked."""

_MAX_VALUES = 5_000_000  # in all columns; a list of a million numbers packs into a few bytes
_BATCH = 256  # rows unpacked at once
_READ_ERRORS = (pa.ArrowException, OSError, ValueError, MemoryError, OverflowError)


def parquet_rows(data: bytes, name: str) -> Rows:
    """The rows of a Parquet file; columns that hold neither text nor numbers are left out.

    Sizes are checked in the footer before anything is unpacked; texts that repeat are unpacked
    once. A footer that lies costs at most the page in which the lie comes out.

    Raises:
        ProblemError: it is damaged, or unpacks into too much.
    """
    try:
        footer = pq.read_metadata(io.BytesIO(data))
        schema = footer.schema.to_arrow_schema()
        groups = [footer.row_group(n) for n in range(footer.num_row_groups)]
        unpacked = sum(group.total_byte_size for group in groups)
        values = sum(
            group.column(n).num_values for group in groups for n in range(footer.num_columns)
        )
        texts = [
            column.path
            for column in map(footer.schema.column, range(footer.num_columns))
            if column.physical_type == "BYTE_ARRAY"
        ]
    except _READ_ERRORS as error:
        raise _damaged(name, error) from error
    if footer.num_rows > MAX_ROWS:
        raise number_of_rows_error(name)
    if unpacked > MAX_UNPACKED or values > _MAX_VALUES:
        raise ProblemError(
            f"{name} unpacks into {unpacked / 1024**2:,.1f} MB and {values:,} values, and a "
            f"problem file may have {MAX_UNPACKED / 1024**2:,.0f} MB and {_MAX_VALUES:,} values.",
            "Keep the columns that are needed, or split it into smaller files.",
        )
    return arrow_rows(_batches(data, name, texts), schema, name, "Parquet")


def _batches(data: bytes, name: str, texts: list[str]) -> Iterator[pa.RecordBatch]:
    try:
        file = pq.ParquetFile(io.BytesIO(data), read_dictionary=texts, pre_buffer=False)
        for batch in file.iter_batches(_BATCH, use_threads=False):
            if batch.nbytes > MAX_UNPACKED:
                raise ValueError("its footer does not tell its true size")
            yield batch
    except _READ_ERRORS as error:
        raise _damaged(name, error) from error


def _damaged(name: str, error: Exception) -> ProblemError:
    reason = " ".join(str(error).split())[:200]
    return ProblemError(
        f"{name} can't be read as Parquet ({reason}).", "Write the file again, or give a CSV file."
    )
