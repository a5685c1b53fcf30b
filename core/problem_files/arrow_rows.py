"""Rows of an Arrow table that comes in batches: of a Parquet file, or of a hub dataset."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from core.errors import ProblemError
from core.problem_files.table import MAX_COLUMNS, MAX_ROWS, Rows
from core.problem_files.text import number_of_rows_error


def arrow_rows(batches: Iterable[pa.RecordBatch], schema: pa.Schema, name: str, kind: str) -> Rows:
    """The rows, numbered from 1. Columns of text, numbers and lists of them are kept.

    Texts that a batch holds once for many rows are one object in all of them, so that what is
    small in the file stays small.

    Raises:
        ProblemError: too many rows or columns, or two columns of one name.
    """
    columns = tuple(field.name for field in schema if _is_read(field.type))
    if len(columns) > MAX_COLUMNS or len(set(columns)) < len(columns):
        raise ProblemError(
            f"{name} has {len(columns):,} columns and {len(set(columns)):,} names of them; "
            f"{MAX_COLUMNS} are allowed, each with a name of its own.",
            "Keep the columns that are needed.",
        )
    rows: list[tuple[int, dict[str, Any]]] = []
    for batch in batches:
        cells = [_values(batch.column(schema.get_field_index(column))) for column in columns]
        for row in zip(*cells, strict=True):
            rows.append((len(rows) + 1, dict(zip(columns, row, strict=True))))
        if len(rows) > MAX_ROWS:
            raise number_of_rows_error(name)
    return Rows(name, kind, "row", columns, tuple(rows))


def _is_read(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind) or _is_list(kind):
        return _is_scalar(kind.value_type)
    return _is_scalar(kind)


def _is_scalar(kind: pa.DataType) -> bool:
    return _is_text(kind) or any(
        test(kind)
        for test in (
            pa.types.is_boolean,
            pa.types.is_integer,
            pa.types.is_floating,
            pa.types.is_decimal,
            pa.types.is_null,
        )
    )


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _is_text(kind: pa.DataType) -> bool:
    """Text, or bytes: older writers don't mark their texts as such."""
    return any(
        test(kind)
        for test in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_binary,
            pa.types.is_large_binary,
        )
    )


def _values(array: pa.Array) -> list[Any]:
    kind = array.type
    if pa.types.is_dictionary(kind):
        texts = _values(array.dictionary)
        return [None if i is None else texts[i] for i in array.indices.to_pylist()]
    if _is_list(kind):
        flat = iter(_values(array.flatten()))
        lengths = pc.list_value_length(array).to_pylist()
        return [None if length is None else list(islice(flat, length)) for length in lengths]
    if _is_text(kind):
        binary = pa.large_binary() if "large" in str(kind) else pa.binary()
        return [
            None if text is None else text.decode("utf-8", "surrogateescape")
            for text in array.cast(binary).to_pylist()
        ]
    values: list[Any] = array.to_pylist()
    return values
