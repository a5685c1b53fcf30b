"""Read a GGUF file's header with strict bounds, before any library sees the file.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
import mmap
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import ModelError
from core.system.terminal_text import printable

INSTALL_GGUF = "Install it: pip install gguf."

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_FORMATS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "B", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_LEAST_ENTRY = 8 + 4 + 1  # bytes of a key, its type and its value
_LEAST_TENSOR = 8 + 4 + 8 + 4 + 8  # bytes of a tensor's name, dimensions, type and offset
_LONGEST_NAME, _LONGEST_TEXT = 1 << 10, 1 << 24  # bytes
_MOST_ENTRIES, _MOST_TEXTS = 1 << 16, 1 << 22  # many times what any model has
_MOST_ELEMENTS = 1 << 48
_DEFAULT_ALIGNMENT, _LARGEST_ALIGNMENT = 32, 1 << 16
_LONGEST_CONTEXT = 1 << 27  # tokens
_SIZES = (  # of the architecture: none is larger than the largest dimension of a tensor
    *("embedding_length", "feed_forward_length", "vocab_size", "expert_count"),
    *("expert_feed_forward_length", "attention.head_count", "attention.head_count_kv"),
    *("attention.key_length", "attention.value_length", "rope.dimension_count"),
)
_WHOLE_FILE = "Get the file again, or another one."


@dataclass(frozen=True)
class GgufHeader:
    """What a GGUF file says about itself."""

    architecture: str  # in llama.cpp's words, such as "llama"
    quantization: str  # such as "Q4_1" or "Q4_K_M"; of a mixture the file's name for it
    tensors: int
    parameters: int
    vocab_size: int  # tokens of the tokenizer
    licence: str | None

    @property
    def dequantized_bytes(self) -> int:
        """Bytes of the weights in float32."""
        return 4 * self.parameters


class _BrokenError(Exception):
    """The header breaks a rule of the format, in words that follow "its header "."""


def read_gguf_header(path: Path) -> GgufHeader:
    """Read and check the header; of the weights only the extents.

    Every count, length and offset is compared with the file's size before it is used, so the time
    and memory this takes follow the size of the header.

    Raises:
        ModelError: not a GGUF file, damaged, truncated, split over several files, or something
            else than a language model with its tokenizer; the package gguf is not installed.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            if size == 0:
                raise ModelError(f"The GGUF file {path} is empty.", _WHOLE_FILE)
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                if data[:4] != _MAGIC:
                    raise ModelError(
                        f"{path} is not a GGUF file: it begins with other bytes.",
                        "Check that the download was of the file itself.",
                    )
                return _header(path, _Reader(data, size))
    except _BrokenError as fault:
        raise ModelError(
            f"The GGUF file {path} is damaged: {printable(str(fault))}.", _WHOLE_FILE
        ) from fault
    except OSError as error:
        raise ModelError(
            f"The GGUF file {path} can't be read ({error.strerror}).",
            "Give the path of an existing .gguf file.",
        ) from error


class _Reader:
    """A position in the file; never reads beyond its end."""

    def __init__(self, data: mmap.mmap, size: int) -> None:
        self.data, self.size, self.at = data, size, 0

    @property
    def left(self) -> int:
        return self.size - self.at

    def skip(self, count: int, what: str) -> int:
        """Step over so many bytes; returns where they begin."""
        if count > self.left:
            raise _BrokenError(f"it ends in the middle of {what}")
        begin, self.at = self.at, self.at + count
        return begin

    def number(self, form: str, what: str) -> Any:
        begin = self.skip(struct.calcsize("<" + form), what)
        return struct.unpack_from("<" + form, self.data, begin)[0]

    def text(self, what: str, longest: int = _LONGEST_TEXT) -> str:
        length = self.number("Q", what)
        if longest < length <= self.left:
            raise _BrokenError(f"{what} is {length:,} bytes long")
        begin = self.skip(length, what)
        try:
            return self.data[begin : begin + length].decode("utf-8")
        except UnicodeDecodeError:
            raise _BrokenError(f"{what} is not UTF-8") from None

    def count(self, least_bytes: int, what: str, most: int = _MOST_ENTRIES) -> int:
        """A number of things, each of which takes so many bytes of what follows."""
        count: int = self.number("Q", f"the number of {what}")
        if count > most:
            raise _BrokenError(f"it announces {count:,} {what}")
        if count * least_bytes > self.left:
            raise _BrokenError(f"it announces {count:,} {what}, more than it has bytes for")
        return count


@dataclass(frozen=True)
class _Array:
    """An array of the metadata, whose values are not kept."""

    kind: int
    length: int


@dataclass(frozen=True)
class _Tensor:
    name: str
    dimensions: tuple[int, ...]  # the fastest first
    kind: int
    offset: int  # bytes, from the start of the data


def _header(path: Path, reader: _Reader) -> GgufHeader:
    constants = _constants()
    reader.skip(4, "its first bytes")
    version = reader.number("I", "its version")
    if version not in _VERSIONS:
        turned = int.from_bytes(version.to_bytes(4, "little"), "big")
        if turned in _VERSIONS:
            raise ModelError(
                f"The GGUF file {path} was written for big-endian machines.",
                "Use the usual little-endian file.",
            )
        raise ModelError(
            f"{path} has version {version:,} of the GGUF format; versions 2 and 3 can be read.",
            "Get a newer copy of the model, or convert it with llama.cpp's tools.",
        )
    tensor_count = reader.count(_LEAST_TENSOR, "tensors")
    metadata = dict(_metadata(reader))
    tensors = [_tensor(reader) for _ in range(tensor_count)]
    _check_kind(path, metadata)
    _check_extents(reader, metadata, tensors, constants)
    architecture = _architecture(metadata, tensors)
    licence = metadata.get("general.license")
    return GgufHeader(
        architecture=architecture,
        quantization=_quantization(metadata, tensors, constants),
        tensors=len(tensors),
        parameters=sum(math.prod(each.dimensions) for each in tensors),
        vocab_size=_vocab_size(path, metadata),
        licence=licence if isinstance(licence, str) else None,
    )


def _constants() -> Any:
    try:
        import gguf.constants
    except ImportError as error:
        raise ModelError(
            "GGUF files are read with the package gguf, which is not installed.", INSTALL_GGUF
        ) from error
    return gguf.constants


def _metadata(reader: _Reader) -> Iterator[tuple[str, Any]]:
    seen: set[str] = set()
    for _ in range(reader.count(_LEAST_ENTRY, "entries")):
        key = reader.text("a key", _LONGEST_NAME)
        if key in seen:
            raise _BrokenError(f"it has {key} twice")
        seen.add(key)
        yield key, _value(reader, reader.number("I", f"the type of {key}"), key)


def _value(reader: _Reader, kind: int, key: str) -> Any:
    if kind == _STRING:
        return reader.text(f"the value of {key}")
    if kind == _ARRAY:
        kind = reader.number("I", f"the type of {key}")
        if kind == _STRING:
            length = reader.count(8, f"values of {key}", _MOST_TEXTS)
            for _ in range(length):
                reader.text(f"a value of {key}")
            return _Array(kind, length)
        width = _width(kind, key)
        length = reader.count(width, f"values of {key}", reader.size)
        reader.skip(length * width, f"the values of {key}")
        return _Array(kind, length)
    _width(kind, key)
    return reader.number(_FORMATS[kind], f"the value of {key}")


def _width(kind: int, key: str) -> int:
    if kind not in _FORMATS:
        raise _BrokenError(f"{key} has values of an unknown type ({kind})")
    return struct.calcsize("<" + _FORMATS[kind])


def _tensor(reader: _Reader) -> _Tensor:
    name = reader.text("a tensor's name", _LONGEST_NAME)
    rank = reader.number("I", f"the dimensions of {name}")
    if not 1 <= rank <= 4:
        raise _BrokenError(f"the tensor {name} has {rank:,} dimensions")
    dimensions = tuple(reader.number("Q", f"the dimensions of {name}") for _ in range(rank))
    if not 0 < math.prod(dimensions) <= _MOST_ELEMENTS:
        raise _BrokenError(f"the tensor {name} has {math.prod(dimensions):,} elements")
    kind = reader.number("I", f"the type of {name}")
    return _Tensor(name, dimensions, kind, reader.number("Q", f"the offset of {name}"))


def _check_kind(path: Path, metadata: dict[str, Any]) -> None:
    """Refuse what is whole but not one whole model."""
    if metadata.get("split.count", 0) not in (0, 1):
        raise ModelError(
            f"{path} is one part of a model that is split over {metadata['split.count']} files.",
            "Join them with llama.cpp's llama-gguf-split --merge, or get the model in one file.",
        )
    kind = metadata.get("general.type", "model")
    if kind != "model":
        raise ModelError(
            f"{path} holds no language model but a part of one ({printable(str(kind))}).",
            "Give the GGUF file of the whole model.",
        )


def _check_extents(
    reader: _Reader, metadata: dict[str, Any], tensors: list[_Tensor], constants: Any
) -> None:
    """Every tensor lies within the file, and none on another."""
    alignment = metadata.get("general.alignment", _DEFAULT_ALIGNMENT)
    is_power = isinstance(alignment, int) and alignment > 0 and alignment & (alignment - 1) == 0
    if not is_power or alignment > _LARGEST_ALIGNMENT:
        raise _BrokenError(f"its alignment is {alignment!r}")
    if not tensors:
        raise _BrokenError("it has no tensors")
    (name, times), *_ = Counter(each.name for each in tensors).most_common(1)
    if times > 1:
        raise _BrokenError(f"it has the tensor {name} twice")
    start = math.ceil(reader.at / alignment) * alignment
    end = 0
    for each in sorted(tensors, key=lambda tensor: tensor.offset):
        if each.offset % alignment:
            raise _BrokenError(f"the tensor {each.name} is not aligned")
        if each.offset < end:
            raise _BrokenError(f"the tensor {each.name} overlaps another one")
        end = each.offset + _stored_bytes(each, constants)
        if start + end > reader.size:
            raise _BrokenError(
                f"the tensor {each.name} ends at byte {start + end:,} of {reader.size:,}, so the"
                " file is truncated"
            )


def _stored_bytes(tensor: _Tensor, constants: Any) -> int:
    try:
        block, width = constants.GGML_QUANT_SIZES[constants.GGMLQuantizationType(tensor.kind)]
    except (ValueError, KeyError):
        raise _BrokenError(
            f"the tensor {tensor.name} has an unknown type ({tensor.kind})"
        ) from None
    if tensor.dimensions[0] % block:
        raise _BrokenError(f"the rows of the tensor {tensor.name} are not whole blocks")
    return int(math.prod(tensor.dimensions) // block * width)


def _architecture(metadata: dict[str, Any], tensors: list[_Tensor]) -> str:
    """The architecture, once its sizes are seen to be those of the tensors: a model is built from
    them before its weights are looked at."""
    name = metadata.get("general.architecture")
    if not isinstance(name, str) or not name:
        raise _BrokenError("it names no architecture")
    layers = metadata.get(f"{name}.block_count")
    if not _is_count(layers) or not 1 <= layers <= len(tensors):
        raise _BrokenError(f"{name}.block_count is {layers!r}, with {len(tensors)} tensors")
    largest = max(max(each.dimensions) for each in tensors)
    for key in _SIZES:
        size = metadata.get(f"{name}.{key}", 1)
        if not isinstance(size, _Array) and not (_is_count(size) and size <= largest):
            raise _BrokenError(f"{name}.{key} is {size!r}, which fits none of its tensors")
    context = metadata.get(f"{name}.context_length", 1)
    if not _is_count(context) or not 0 < context <= _LONGEST_CONTEXT:
        raise _BrokenError(f"{name}.context_length is {context!r}")
    return name


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _vocab_size(path: Path, metadata: dict[str, Any]) -> int:
    tokens = metadata.get("tokenizer.ggml.tokens")
    has_kind = isinstance(metadata.get("tokenizer.ggml.model"), str)
    if not has_kind or not isinstance(tokens, _Array) or tokens.kind != _STRING or not tokens.length:
        raise ModelError(
            f"The GGUF file {path} has no tokenizer.",
            "Get a file that holds the model with its tokenizer.",
        )
    for key in ("token_type", "scores"):
        beside = metadata.get(f"tokenizer.ggml.{key}", tokens)
        if not isinstance(beside, _Array) or beside.length != tokens.length:
            raise _BrokenError(f"tokenizer.ggml.{key} is not one value a token")
    for key in ("bos", "eos", "unknown", "padding"):
        token = metadata.get(f"tokenizer.ggml.{key}_token_id", 0)
        if not _is_count(token) or token >= tokens.length:
            raise _BrokenError(f"tokenizer.ggml.{key}_token_id is {token!r}, which is not a token")
    return tokens.length


def _quantization(metadata: dict[str, Any], tensors: list[_Tensor], constants: Any) -> str:
    """The file's own name for its mixture of types, or the type of most weights."""
    try:
        name: str = constants.LlamaFileType(metadata.get("general.file_type")).name
        if name != "GUESSED":
            return name.removeprefix("MOSTLY_").removeprefix("ALL_")
    except ValueError:
        pass
    weights: dict[int, int] = {}
    for each in tensors:
        weights[each.kind] = weights.get(each.kind, 0) + math.prod(each.dimensions)
    most = max(weights, key=lambda kind: weights[kind])
    return str(constants.GGMLQuantizationType(most).name)
