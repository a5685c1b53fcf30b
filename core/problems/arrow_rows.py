"""Rows of an Arrow table, from a Parquet file or a hub dataset."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from core.problems.table import MAX_COLUMNS

_MAX_DEPTH = 6
"""Maximum nesting of objects and lists; deeper values are left out."""


def read_columns(schema: pa.Schema) -> tuple[str, ...]:
    """The columns of text, numbers, lists of these, and objects with such values.

    Raises:
        ValueError: too many columns, or two with the same name.
    """
    columns = tuple(field.name for field in schema if _is_read(field.type))
    if len(columns) > MAX_COLUMNS:
        raise ValueError(f"it has {len(columns):,} columns, and {MAX_COLUMNS} are allowed")
    if len(set(schema.names)) < len(schema.names):
        raise ValueError("two of its columns have the same name")
    return columns


def values(array: pa.Array, inside: bool = False) -> list[Any]:
    """The cells of a column, objects as dicts; bytes that are not UTF-8 become lone surrogates.

    `inside` an object, bytes are pictures or files and left out, as in `read_columns`.
    """
    kind = array.type
    if pa.types.is_dictionary(kind):
        texts = values(array.dictionary, inside)
        return [None if i is None else texts[i] for i in array.indices.to_pylist()]
    if pa.types.is_struct(kind):
        return _objects(array)
    if _is_list(kind):
        return _lists(array, inside)
    if _is_text(kind):
        binary = pa.large_binary() if "large" in str(kind) else pa.binary()
        return [
            None if text is None else text.decode("utf-8", "surrogateescape")
            for text in array.cast(binary).to_pylist()
        ]
    found: list[Any] = array.to_pylist()
    return found


def size(cell: Any) -> int:
    """Number of characters and values in a cell."""
    if isinstance(cell, str):
        return len(cell)
    if isinstance(cell, list):
        return len(cell) + sum(map(size, cell))
    if isinstance(cell, dict):
        return len(cell) + sum(map(size, cell.values()))
    return 1


def _objects(array: pa.StructArray) -> list[dict[str, Any] | None]:
    kind = array.type
    read = [
        n
        for n in range(kind.num_fields)
        if _is_read(kind.field(n).type, inside=True)
        and kind.get_field_index(kind.field(n).name) == n  # -1 for duplicate names
    ]
    names = [kind.field(n).name for n in read]
    fields = array.flatten()  # null where the object is null
    columns = [values(fields[n], inside=True) for n in read]
    there = array.is_valid().to_pylist()
    cells = zip(*columns, strict=True) if columns else (() for _ in there)
    return [
        dict(zip(names, cell, strict=True)) if is_there else None
        for is_there, cell in zip(there, cells, strict=True)
    ]


def _lists(array: pa.Array, inside: bool) -> list[list[Any] | None]:
    if pa.types.is_fixed_size_list(array.type):
        array = array.cast(pa.large_list(array.type.value_type))
    flat = iter(values(array.flatten(), inside))
    lengths = pc.list_value_length(array).to_pylist()
    return [None if length is None else list(islice(flat, length)) for length in lengths]


def _is_read(kind: pa.DataType, inside: bool = False, depth: int = 0) -> bool:
    if depth > _MAX_DEPTH:
        return False
    if _is_list(kind):
        kind = kind.value_type
        if _is_list(kind):
            return False
    if pa.types.is_struct(kind):
        return any(
            _is_read(kind.field(n).type, inside=True, depth=depth + 1)
            for n in range(kind.num_fields)
        )
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if inside and _is_bytes(kind):
        return False
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
    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )


def _is_text(kind: pa.DataType) -> bool:
    """Text or bytes: older writers don't mark text as text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or _is_bytes(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))
