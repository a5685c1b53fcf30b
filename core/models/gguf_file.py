"""Read a GGUF file's header with strict bounds, before any library sees the file."""

from __future__ import annotations

import math
import mmap
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from core.errors import ModelError
from core.models.gguf_reader import (
    LEAST_TENSOR,
    STRING,
    BrokenGgufError,
    GgufReader,
    MetadataArray,
    TensorExtent,
    read_extent,
    read_metadata,
)
from core.system.terminal_text import printable

INSTALL_GGUF = "Install it: pip install gguf."

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
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


def read_gguf_header(path: Path) -> GgufHeader:
    """Read and check the header; of the weights only the extents.

    Every count, length and offset is compared with the file's size before it is used, so time and
    memory are proportional to the header's size.

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
                return _header(path, GgufReader(data, size))
    except BrokenGgufError as fault:
        raise ModelError(
            f"The GGUF file {path} is damaged: {printable(str(fault))}.", _WHOLE_FILE
        ) from fault
    except OSError as error:
        raise ModelError(
            f"The GGUF file {path} can't be read ({error.strerror}).",
            "Give the path of an existing .gguf file.",
        ) from error


def _header(path: Path, reader: GgufReader) -> GgufHeader:
    constants = gguf_constants()
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
    tensor_count = reader.count(LEAST_TENSOR, "tensors")
    metadata = dict(read_metadata(reader))
    tensors = [read_extent(reader) for _ in range(tensor_count)]
    _check_kind(path, metadata)
    _check_extents(reader, metadata, tensors, constants)
    architecture = _architecture(metadata, tensors)
    licence = metadata.get("general.license")
    return GgufHeader(
        architecture=architecture,
        quantization=_quantization(metadata, tensors, constants),
        tensors=len(tensors),
        parameters=sum(math.prod(each.dimensions) for each in tensors),
        vocab_size=_vocab_size(path, metadata, tensors),
        licence=licence if isinstance(licence, str) else None,
    )


def gguf_constants() -> Any:
    """The format's types and their sizes, of the package gguf.

    Raises:
        ModelError: it is not installed.
    """
    try:
        import gguf.constants
    except ImportError as error:
        raise ModelError(
            "GGUF files are read with the package gguf, which is not installed.", INSTALL_GGUF
        ) from error
    return gguf.constants


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
            f"{path} holds only a part of a language model ({printable(str(kind))}).",
            "Give the GGUF file of the whole model.",
        )


def _check_extents(
    reader: GgufReader, metadata: dict[str, Any], tensors: list[TensorExtent], constants: Any
) -> None:
    """Every tensor lies within the file, and none on another."""
    alignment = metadata.get("general.alignment", _DEFAULT_ALIGNMENT)
    is_power = isinstance(alignment, int) and alignment > 0 and alignment & (alignment - 1) == 0
    if not is_power or alignment > _LARGEST_ALIGNMENT:
        raise BrokenGgufError(f"its alignment is {alignment!r}")
    if not tensors:
        raise BrokenGgufError("it has no tensors")
    (name, times), *_ = Counter(each.name for each in tensors).most_common(1)
    if times > 1:
        raise BrokenGgufError(f"it has the tensor {name} twice")
    start = math.ceil(reader.at / alignment) * alignment
    end = 0
    for each in sorted(tensors, key=lambda tensor: tensor.offset):
        if each.offset % alignment:
            raise BrokenGgufError(f"the tensor {each.name} is not aligned")
        if each.offset < end:
            raise BrokenGgufError(f"the tensor {each.name} overlaps another one")
        end = each.offset + _stored_bytes(each, constants)
        if start + end > reader.size:
            raise BrokenGgufError(
                f"the tensor {each.name} ends at byte {start + end:,} of {reader.size:,}, so the"
                " file is truncated"
            )


def _stored_bytes(tensor: TensorExtent, constants: Any) -> int:
    try:
        block, width = constants.GGML_QUANT_SIZES[constants.GGMLQuantizationType(tensor.kind)]
    except (ValueError, KeyError):
        raise BrokenGgufError(
            f"the tensor {tensor.name} has an unknown type ({tensor.kind})"
        ) from None
    if tensor.dimensions[0] % block:
        raise BrokenGgufError(f"the rows of the tensor {tensor.name} are not whole blocks")
    return int(math.prod(tensor.dimensions) // block * width)


def _architecture(metadata: dict[str, Any], tensors: list[TensorExtent]) -> str:
    """The architecture, once its sizes are seen to be those of the tensors: a model is built from
    them before its weights are looked at."""
    name = metadata.get("general.architecture")
    if not isinstance(name, str) or not name:
        raise BrokenGgufError("it names no architecture")
    layers = metadata.get(f"{name}.block_count")
    if not _is_count(layers) or not 1 <= layers <= len(tensors):
        raise BrokenGgufError(f"{name}.block_count is {layers!r}, with {len(tensors)} tensors")
    largest = max(max(each.dimensions) for each in tensors)
    for key in _SIZES:
        size = metadata.get(f"{name}.{key}", 1)
        if not isinstance(size, MetadataArray) and not (_is_count(size) and size <= largest):
            raise BrokenGgufError(f"{name}.{key} is {size!r}, which fits none of its tensors")
    context = metadata.get(f"{name}.context_length", 1)
    if not _is_count(context) or not 0 < context <= _LONGEST_CONTEXT:
        raise BrokenGgufError(f"{name}.context_length is {context!r}")
    return name


def _is_count(value: Any) -> TypeGuard[int]:
    return type(value) is int and value >= 0


def _vocab_size(path: Path, metadata: dict[str, Any], tensors: list[TensorExtent]) -> int:
    tokens = metadata.get("tokenizer.ggml.tokens")
    has_kind = isinstance(metadata.get("tokenizer.ggml.model"), str)
    if (
        not has_kind
        or not isinstance(tokens, MetadataArray)
        or tokens.kind != STRING
        or not tokens.length
    ):
        raise ModelError(
            f"The GGUF file {path} has no tokenizer.",
            "Get a file that holds the model with its tokenizer.",
        )
    for key in ("token_type", "scores"):
        beside = metadata.get(f"tokenizer.ggml.{key}", tokens)
        if not isinstance(beside, MetadataArray) or beside.length != tokens.length:
            raise BrokenGgufError(f"tokenizer.ggml.{key} is not one value per token")
    for key in ("bos", "eos", "unknown", "padding"):
        token = metadata.get(f"tokenizer.ggml.{key}_token_id", 0)
        if not _is_count(token) or token >= tokens.length:
            raise BrokenGgufError(
                f"tokenizer.ggml.{key}_token_id is {token!r}, which is not a token"
            )
    rows = [each.dimensions[-1] for each in tensors if each.name == "token_embd.weight"]
    if rows and tokens.length > rows[0]:
        raise BrokenGgufError(f"it has {tokens.length:,} tokens and {rows[0]:,} embeddings")
    return tokens.length


def _quantization(metadata: dict[str, Any], tensors: list[TensorExtent], constants: Any) -> str:
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
