"""Worker process that unpacks Parquet files, which may crash it or exhaust its memory.

Reads one path per line and answers each with one line of JSON: `{"columns": [...],
"rows": [[...], ...]}`, or `{"error": str}`. `parquet_rows` starts it and kills it on time-out.
"""

from __future__ import annotations

import json
import math
import sys
from decimal import Decimal
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from core.problems.arrow_rows import read_columns, values
from core.problems.table import MAX_ROWS, MAX_VALUES
from core.system.child_process import replies_of_worker

MEMORY_LIMIT = 4 * 1024**3
"""Bytes of address space; pyarrow reserves more than it uses."""

MAX_REPLY = 100 * 1024**2
"""Maximum size of a file's rows as JSON, in characters: twice that of a problem file."""

_MAX_LIST = 1_000  # values in a list
_BATCH = 256  # rows unpacked at once


class _TooMuchError(Exception):
    """The file exceeds the limits of a problem file."""


def unpacked(path: str) -> str:
    """A file's columns and rows as JSON.

    Raises:
        _TooMuchError, pa.ArrowException, OSError, ValueError, MemoryError: unreadable.
    """
    footer = pq.read_metadata(path)
    size = sum(footer.row_group(n).total_byte_size for n in range(footer.num_row_groups))
    if footer.num_rows > MAX_ROWS:
        raise _TooMuchError(f"it has more than {MAX_ROWS:,} rows")
    if size > MAX_REPLY:
        raise _TooMuchError(f"it unpacks into {size / 1024**2:,.0f} MB")
    texts = [
        column.path
        for column in (footer.schema.column(n) for n in range(footer.num_columns))
        if column.physical_type == "BYTE_ARRAY"
        and column.max_repetition_level == 0
        and "." not in column.path
    ]  # dictionaries store repeated texts once; Arrow can't do this inside lists and objects
    file = pq.ParquetFile(path, read_dictionary=texts, pre_buffer=False)
    columns = read_columns(file.schema_arrow)
    rows: list[str] = []
    length = inside = 0
    for batch in file.iter_batches(_BATCH, columns=list(columns), use_threads=False):
        cells = [values(batch.column(name)) for name in columns]
        for row in zip(*cells, strict=True):
            rows.append(json.dumps([_json(cell) for cell in row]))
            inside += sum(map(_values_inside, row))
            if inside > MAX_VALUES:
                raise _TooMuchError(f"its lists have more than {MAX_VALUES:,} values")
            length += len(rows[-1])
            if length > MAX_REPLY:
                raise _TooMuchError(f"it unpacks into more than {MAX_REPLY / 1024**2:,.0f} MB")
    return f'{{"columns": {json.dumps(columns)}, "rows": [{", ".join(rows)}]}}'


def _json(cell: Any) -> Any:
    """A cell as JSON; in columns with gaps pandas stores whole numbers as floats, 27.0 for 27."""
    if isinstance(cell, list):
        if len(cell) > _MAX_LIST:
            return [[len(cell)]]  # rejected with its row
        return [_json(each) for each in cell]
    if isinstance(cell, dict):
        return {key: _json(each) for key, each in cell.items()}
    if isinstance(cell, Decimal):
        return str(cell)
    if isinstance(cell, float) and math.isnan(cell):
        return None
    return (
        int(cell) if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53 else cell
    )


def _values_inside(cell: Any) -> int:
    """The number of values in a list or object."""
    if isinstance(cell, dict):
        return len(cell) + sum(map(_values_inside, cell.values()))
    if isinstance(cell, list) and len(cell) <= _MAX_LIST:
        return len(cell) + sum(map(_values_inside, cell))
    return 0


def reply(path: str) -> str:
    """The reply to one request."""
    try:
        return unpacked(path)
    except MemoryError:
        return json.dumps({"error": "it unpacks into more memory than allowed"})
    except (_TooMuchError, pa.ArrowException, OSError, ValueError, OverflowError) as error:
        return json.dumps({"error": " ".join(str(error).split())[:200]})


def serve(requests: TextIO, replies: TextIO) -> None:
    """Answer requests until the input ends."""
    print(json.dumps({"ready": True}), file=replies, flush=True)
    for line in requests:
        print(reply(json.loads(line)), file=replies, flush=True)


if __name__ == "__main__":
    serve(sys.stdin, replies_of_worker(MEMORY_LIMIT))
