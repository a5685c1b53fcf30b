"""The structure of a GGUF file: metadata and tensor extents, read with strict bounds.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

STRING = 8
"""The type of a text in the metadata."""

_ARRAY = 9
_FORMATS = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIifBQqd", strict=True))
_LEAST_ENTRY = 8 + 4 + 1  # bytes of a key, its type and its value
LEAST_TENSOR = 8 + 4 + 8 + 4 + 8
"""Bytes of a tensor's name, dimensions, type and offset, at least."""

_LONGEST_NAME, _LONGEST_TEXT = 1 << 10, 1 << 24  # bytes
_MOST_ENTRIES, _MOST_TEXTS = 1 << 16, 1 << 22  # many times what any model has
_MOST_ELEMENTS = 1 << 48


class BrokenGgufError(Exception):
    """A file breaks a rule of the format, which the message says in words."""


class GgufReader:
    """A position in the file; never reads beyond its end."""

    def __init__(self, data: mmap.mmap, size: int) -> None:
        self.data, self.size, self.at = data, size, 0

    @property
    def left(self) -> int:
        return self.size - self.at

    def skip(self, count: int, what: str) -> int:
        """Step over so many bytes; returns where they begin."""
        if count > self.left:
            raise BrokenGgufError(f"it ends in the middle of {what}")
        begin, self.at = self.at, self.at + count
        return begin

    def number(self, form: str, what: str) -> Any:
        begin = self.skip(struct.calcsize("<" + form), what)
        return struct.unpack_from("<" + form, self.data, begin)[0]

    def text(self, what: str, longest: int = _LONGEST_TEXT) -> str:
        length = self.number("Q", what)
        if longest < length <= self.left:
            raise BrokenGgufError(f"{what} is {length:,} bytes long")
        begin = self.skip(length, what)
        try:
            return self.data[begin : begin + length].decode("utf-8")
        except UnicodeDecodeError:
            raise BrokenGgufError(f"{what} is not UTF-8") from None

    def count(self, least_bytes: int, what: str, most: int = _MOST_ENTRIES) -> int:
        """A number of things, each of which takes so many bytes of what follows."""
        count: int = self.number("Q", f"the number of {what}")
        if count > most:
            raise BrokenGgufError(f"it announces {count:,} {what}")
        if count * least_bytes > self.left:
            raise BrokenGgufError(f"it announces {count:,} {what}, more than it has bytes for")
        return count


@dataclass(frozen=True)
class MetadataArray:
    """An array of the metadata, whose values are not kept."""

    kind: int
    length: int


@dataclass(frozen=True)
class TensorExtent:
    """Where a tensor's bytes are said to be."""

    name: str
    dimensions: tuple[int, ...]  # the fastest first
    kind: int
    offset: int  # bytes, from the start of the data


def read_metadata(reader: GgufReader) -> Iterator[tuple[str, Any]]:
    """The entries, in their order; of an array only its length.

    Raises:
        BrokenGgufError: they break a rule of the format.
    """
    seen: set[str] = set()
    for _ in range(reader.count(_LEAST_ENTRY, "entries")):
        key = reader.text("a key", _LONGEST_NAME)
        if key in seen:
            raise BrokenGgufError(f"it has {key} twice")
        seen.add(key)
        yield key, _value(reader, reader.number("I", f"the type of {key}"), key)


def _value(reader: GgufReader, kind: int, key: str) -> Any:
    if kind == STRING:
        return reader.text(f"the value of {key}")
    if kind == _ARRAY:
        kind = reader.number("I", f"the type of {key}")
        if kind == STRING:
            length = reader.count(8, f"values of {key}", _MOST_TEXTS)
            for _ in range(length):
                reader.text(f"a value of {key}")
            return MetadataArray(kind, length)
        width = _width(kind, key)
        length = reader.count(width, f"values of {key}", reader.size)
        reader.skip(length * width, f"the values of {key}")
        return MetadataArray(kind, length)
    _width(kind, key)
    return reader.number(_FORMATS[kind], f"the value of {key}")


def _width(kind: int, key: str) -> int:
    if kind not in _FORMATS:
        raise BrokenGgufError(f"{key} has values of an unknown type ({kind})")
    return struct.calcsize("<" + _FORMATS[kind])


def read_extent(reader: GgufReader) -> TensorExtent:
    """The next entry of the table of tensors.

    Raises:
        BrokenGgufError: it breaks a rule of the format.
    """
    name = reader.text("a tensor's name", _LONGEST_NAME)
    rank = reader.number("I", f"the dimensions of {name}")
    if not 1 <= rank <= 4:
        raise BrokenGgufError(f"the tensor {name} has {rank:,} dimensions")
    dimensions = tuple(reader.number("Q", f"the dimensions of {name}") for _ in range(rank))
    if not 0 < math.prod(dimensions) <= _MOST_ELEMENTS:
        raise BrokenGgufError(f"the tensor {name} has {math.prod(dimensions):,} elements")
    kind = reader.number("I", f"the type of {name}")
    return TensorExtent(name, dimensions, kind, reader.number("Q", f"the offset of {name}"))
