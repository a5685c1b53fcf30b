"""Rows of an Arrow table: of a Parquet file, or of a hub dataset."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from core.problem_files.table import MAX_COLUMNS


def read_columns(schema: pa.Schema) -> tuple[str, ...]:
    """The columns of text, numbers and lists of them; others can't be a part of a problem.

    Raises:
        ValueError: there are too many, or two of one name.
    """
    columns = tuple(field.name for field in schema if _is_read(field.type))
    if len(columns) > MAX_COLUMNS:
        raise ValueError(f"it has {len(columns):,} columns, and {MAX_COLUMNS} are allowed")
    if len(set(schema.names)) < len(schema.names):
        raise ValueError("two of its columns have one name")
    return columns


def values(array: pa.Array) -> list[Any]:
    """The cells of a column; bytes that are not UTF-8 become lone surrogates."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        texts = values(array.dictionary)
        return [None if i is None else texts[i] for i in array.indices.to_pylist()]
    if _is_list(kind):
        flat = iter(values(array.flatten()))
        lengths = pc.list_value_length(array).to_pylist()
        return [None if length is None else list(islice(flat, length)) for length in lengths]
    if _is_text(kind):
        binary = pa.large_binary() if "large" in str(kind) else pa.binary()
        return [
            None if text is None else text.decode("utf-8", "surrogateescape")
            for text in array.cast(binary).to_pylist()
        ]
    found: list[Any] = array.to_pylist()
    return found


def _is_read(kind: pa.DataType) -> bool:
    if _is_list(kind):
        kind = kind.value_type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
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
