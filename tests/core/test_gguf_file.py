"""A GGUF file's header is read with strict bounds: whatever is wrong with a file is a sentence."""

from __future__ import annotations

import pickle
import struct
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFWriter
from gguf_files import TOKENS, WIDTH, weights, write_gguf
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ModelError
from core.models.gguf_conversion import check_gguf
from core.models.gguf_file import read_gguf_header
from core.models.spec import ModelSpec, check_spec


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_gguf(tmp_path_factory.mktemp("gguf") / "whole.gguf").read_bytes()


def test_the_header_says_what_the_writer_wrote(tmp_path: Path) -> None:
    header = read_gguf_header(write_gguf(tmp_path / "model.gguf"))
    assert header.architecture == "llama"
    assert header.quantization == "Q4_1"
    assert header.tensors == len(weights()) == 21
    assert header.parameters == sum(each.size for each in weights().values())
    assert header.dequantized_bytes == 4 * header.parameters
    assert header.vocab_size == len(TOKENS)
    assert header.licence == "mit"


def test_without_a_name_for_its_mixture_the_type_of_most_weights_is_the_quantization(
    tmp_path: Path,
) -> None:
    path = write_gguf(tmp_path / "model.gguf", quantization=GGMLQuantizationType.Q8_0)
    assert read_gguf_header(path).quantization == "Q8_0"


def damaged(data: bytes, at: int, put: bytes) -> bytes:
    return data[:at] + put + data[at + len(put) :]


def after(data: bytes, key: str) -> int:
    """Where the bytes after a key or tensor's name begin."""
    return data.index(struct.pack("<Q", len(key)) + key.encode()) + 8 + len(key)


def u32(value: int) -> bytes:
    return struct.pack("<I", value)


def u64(value: int) -> bytes:
    return struct.pack("<Q", value)


BROKEN: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda data: b"", "is empty"),
    "other signature": (lambda data: b"GGML" + data[4:], "is not a GGUF file"),
    "text": (lambda data: b"version https://git-lfs.github.com/spec/v1", "is not a GGUF file"),
    "pickle": (lambda data: pickle.dumps({"weights": [1.0]}), "is not a GGUF file"),
    "a page": (lambda data: b"<!DOCTYPE html><html>", "is not a GGUF file"),
    "four bytes": (lambda data: data[:4], "ends in the middle of its version"),
    "version 1": (lambda data: damaged(data, 4, u32(1)), "has version 1"),
    "version 99": (lambda data: damaged(data, 4, u32(99)), "has version 99"),
    "big-endian": (lambda data: damaged(data, 4, u32(3)[::-1]), "big-endian"),
    "header cut": (lambda data: data[:200], "ends in the middle|more than it has bytes for"),
    "tensors cut": (lambda data: data[:-3000], "so the file is truncated"),
    "one byte cut": (lambda data: data[:-32], "so the file is truncated"),
    "endless tensors": (lambda data: damaged(data, 8, u64(2**63)), "announces 9,223"),
    "many tensors": (lambda data: damaged(data, 8, u64(60_000)), "more than it has bytes for"),
    "endless entries": (lambda data: damaged(data, 16, u64(2**64 - 1)), "announces 18,446"),
    "long key": (lambda data: damaged(data, 24, u64(2**62)), "ends in the middle of a key"),
    "long name": (
        lambda data: damaged(data, after(data, "general.name") + 4, u64(2**40)),
        "ends in the middle of the value of general.name",
    ),
    "endless array": (
        lambda data: damaged(data, after(data, "tokenizer.ggml.tokens") + 8, u64(2**60)),
        "values of tokenizer.ggml.tokens",
    ),
    "unknown value type": (
        lambda data: damaged(data, after(data, "llama.block_count"), u32(77)),
        "unknown type",
    ),
    "array of arrays": (
        lambda data: damaged(data, after(data, "tokenizer.ggml.tokens") + 4, u32(9)),
        "unknown type",
    ),
    "not UTF-8": (
        lambda data: damaged(data, after(data, "general.name") + 12, b"\xff\xfe"),
        "is not UTF-8",
    ),
    "offset outside": (
        lambda data: damaged(data, after(data, "output_norm.weight") + 16, u64(2**40)),
        "so the file is truncated",
    ),
    "offset between": (
        lambda data: damaged(data, after(data, "output_norm.weight") + 16, u64(7)),
        "is not aligned",
    ),
    "offset on another": (
        lambda data: damaged(data, after(data, "output_norm.weight") + 16, u64(0)),
        "overlaps another one",
    ),
    "unknown tensor type": (
        lambda data: damaged(data, after(data, "output_norm.weight") + 12, u32(200)),
        "has an unknown type",
    ),
    "huge tensor": (
        lambda data: damaged(data, after(data, "output_norm.weight") + 4, u64(2**63)),
        "elements",
    ),
    "empty tensor": (
        lambda data: damaged(data, after(data, "output_norm.weight") + 4, u64(0)),
        "elements",
    ),
    "a thousand dimensions": (
        lambda data: damaged(data, after(data, "output_norm.weight"), u32(1000)),
        "1,000 dimensions",
    ),
    "half a block": (
        lambda data: damaged(data, after(data, "output.weight") + 4, u64(WIDTH + 1)),
        "not whole blocks",
    ),
    "no architecture": (
        lambda data: data.replace(b"general.architecture", b"general.architectura"),
        "names no architecture",
    ),
    "a billion layers": (
        lambda data: damaged(data, after(data, "llama.block_count") + 4, u32(10**9)),
        "block_count is 1000000000",
    ),
    "a billion wide": (
        lambda data: damaged(data, after(data, "llama.embedding_length") + 4, u32(10**9)),
        "fits none of its tensors",
    ),
    "a billion heads": (
        lambda data: damaged(data, after(data, "llama.attention.head_count") + 4, u32(10**9)),
        "fits none of its tensors",
    ),
    "endless context": (
        lambda data: damaged(data, after(data, "llama.context_length") + 4, u32(2**32 - 1)),
        "context_length is 4294967295",
    ),
    "a token that isn't there": (
        lambda data: damaged(data, after(data, "tokenizer.ggml.eos_token_id") + 4, u32(999_999)),
        "which is not a token",
    ),
    "the same tensor twice": (
        lambda data: data.replace(b"blk.1.attn_q.weight", b"blk.0.attn_q.weight"),
        "has the tensor blk.0.attn_q.weight twice",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_a_sentence(tmp_path: Path, whole: bytes, kind: str) -> None:
    break_it, says = BROKEN[kind]
    path = tmp_path / "broken.gguf"
    path.write_bytes(break_it(whole))
    with pytest.raises(ModelError, match=says) as caught:
        check_spec(ModelSpec(str(path)))
    assert str(path) in caught.value.what
    assert caught.value.remedy.endswith(".")


def test_the_same_key_twice_is_a_sentence(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "twice.gguf", more=lambda w: w.add_string("general.nam2", "x"))
    path.write_bytes(path.read_bytes().replace(b"general.nam2", b"general.name"))
    with pytest.raises(ModelError, match=r"has general\.name twice"):
        read_gguf_header(path)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"architecture": "clip"}, "architecture clip"),
        ({"architecture": "nonsense"}, "architecture nonsense"),
        ({"tokenizer": False}, "has no tokenizer"),
        ({"tensors": {}}, "has no tensors"),
        ({"more": lambda w: w.add_uint16("split.count", 3)}, "one part .* split over 3 files"),
        ({"more": lambda w: w.add_uint32("general.alignment", 24)}, "alignment is 24"),
        ({"tensors": weights() | {"token_embd.weight": np.ones((9, WIDTH))}}, "and 9 embeddings"),
    ],
)
def test_a_file_that_is_no_whole_known_model_is_a_sentence(
    tmp_path: Path, how: dict[str, Any], says: str
) -> None:
    path = write_gguf(tmp_path / "other.gguf", **how)
    with pytest.raises(ModelError, match=says):
        check_gguf(path)


def test_an_adapter_in_gguf_is_a_sentence(tmp_path: Path) -> None:
    writer = GGUFWriter(tmp_path / "adapter.gguf", "llama")
    writer.add_type("adapter")
    writer.add_tensor("blk.0.attn_q.weight.lora_a", np.ones((4, 32), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(ModelError, match=r"only a part of a language model \(adapter\)"):
        read_gguf_header(tmp_path / "adapter.gguf")


def test_a_path_that_is_no_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="can't be read"):
        check_spec(ModelSpec(str(tmp_path / "missing.gguf")))
    (tmp_path / "folder.gguf").mkdir()
    with pytest.raises(ModelError, match=r"has no config\.json"):
        check_spec(ModelSpec(str(tmp_path / "folder.gguf")))


def test_a_folder_with_a_gguf_file_points_at_the_file(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "model.gguf")
    with pytest.raises(ModelError, match="is one file") as caught:
        check_spec(ModelSpec(str(tmp_path)))
    assert str(path) in caught.value.remedy


def test_without_the_package_the_command_to_install_it_is_given(
    tmp_path: Path, whole: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.gguf").write_bytes(whole)
    monkeypatch.setitem(sys.modules, "gguf", None)
    monkeypatch.setitem(sys.modules, "gguf.constants", None)
    with pytest.raises(ModelError, match="not installed") as caught:
        check_spec(ModelSpec(str(tmp_path / "model.gguf")))
    assert "pip install gguf" in caught.value.remedy


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_damage_is_more_than_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, whole: bytes, data: st.DataObject
) -> None:
    """Bytes overwritten anywhere in the header, also with large numbers, and the end cut off."""
    header = whole.index(b"output_norm.weight") + 100
    broken = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, header))
        put = data.draw(st.binary(min_size=1, max_size=8) | st.sampled_from([b"\xff" * 8, u64(0)]))
        broken[at : at + len(put)] = put
    cut = data.draw(st.integers(0, len(broken)) | st.just(len(broken)))
    path = tmp_path_factory.mktemp("fuzz") / "model.gguf"
    path.write_bytes(bytes(broken[:cut]))
    tracemalloc.start()
    try:
        read_gguf_header(path)
    except ModelError as error:
        assert error.what.endswith(".")  # noqa: PT017
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 20e6


def test_a_long_message_stays_printable(tmp_path: Path, whole: bytes) -> None:
    """What a file says goes to a terminal."""
    path = tmp_path / "model.gguf"
    path.write_bytes(whole.replace(b"output_norm.weight", b"output_nor\x1b[31mght", 1))
    path.write_bytes(path.read_bytes().replace(b"\x1b[31mght\x01\0\0\0", b"\x1b[31mght\x09\0\0\0"))
    with pytest.raises(ModelError) as caught:
        read_gguf_header(path)
    assert "\x1b" not in str(caught.value)
    assert "nor\\x1b[31m" in str(caught.value)
