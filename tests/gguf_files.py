"""Tiny GGUF files, written by the gguf package itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, LlamaFileType, quantize

WIDTH, LAYERS, HEADS, INNER = 64, 2, 4, 128
TEMPLATE = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"


def byte_tokens() -> list[str]:
    """The alphabet of byte-level tokenizers, as text; ids follow the bytes' own order there."""
    kept = [*range(33, 127), *range(161, 173), *range(174, 256)]
    moved = [byte for byte in range(256) if byte not in kept]
    return [chr(byte) for byte in kept] + [chr(256 + n) for n in range(len(moved))]


MERGES = ["t h", "th e", "Ġ the", "i n", "1 2"]
TOKENS = [
    *("<unk>", "<s>", "</s>"),
    *byte_tokens(),
    *(merge.replace(" ", "") for merge in MERGES),
]


def weights(seed: int = 0, *, layers: int = LAYERS) -> dict[str, np.ndarray[Any, Any]]:
    """Random weights of a llama, by llama.cpp's names; (rows, columns) as numpy has them."""
    rng = np.random.default_rng(seed)

    def matrix(rows: int, columns: int) -> np.ndarray[Any, Any]:
        return (0.2 * rng.standard_normal((rows, columns))).astype(np.float32)

    found = {"token_embd.weight": matrix(len(TOKENS), WIDTH)}
    for n in range(layers):
        block = f"blk.{n}"
        found |= {
            f"{block}.attn_norm.weight": np.ones(WIDTH, np.float32),
            f"{block}.ffn_norm.weight": np.ones(WIDTH, np.float32),
            f"{block}.attn_q.weight": matrix(WIDTH, WIDTH),
            f"{block}.attn_k.weight": matrix(WIDTH, WIDTH),
            f"{block}.attn_v.weight": matrix(WIDTH, WIDTH),
            f"{block}.attn_output.weight": matrix(WIDTH, WIDTH),
            f"{block}.ffn_gate.weight": matrix(INNER, WIDTH),
            f"{block}.ffn_up.weight": matrix(INNER, WIDTH),
            f"{block}.ffn_down.weight": matrix(WIDTH, INNER),
        }
    return found | {
        "output_norm.weight": np.ones(WIDTH, np.float32),
        "output.weight": matrix(len(TOKENS), WIDTH),
    }


def write_gguf(
    path: Path,
    *,
    architecture: str = "llama",
    tensors: dict[str, np.ndarray[Any, Any]] | None = None,
    tokenizer: bool = True,
    more: Callable[[GGUFWriter], None] = lambda writer: None,
    block_count: int = LAYERS,
    context_length: int = 128,
    quantization: GGMLQuantizationType = GGMLQuantizationType.Q4_1,
) -> Path:
    """A whole model in one file: matrices quantised, norms in float32."""
    writer = GGUFWriter(path, architecture)
    writer.add_type("model")
    writer.add_name("Tiny")
    writer.add_license("mit")
    writer.add_block_count(block_count)
    writer.add_context_length(context_length)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(TOKENS))
    if quantization is GGMLQuantizationType.Q4_1:
        writer.add_file_type(LlamaFileType.MOSTLY_Q4_1)
    if tokenizer:
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("gpt-2")
        writer.add_token_list(TOKENS)
        writer.add_token_types([3, 3, 3] + [1] * (len(TOKENS) - 3))
        writer.add_token_merges(MERGES)
        writer.add_unk_token_id(0)
        writer.add_bos_token_id(1)
        writer.add_eos_token_id(2)
        writer.add_add_bos_token(False)
        writer.add_chat_template(TEMPLATE)
    more(writer)
    for name, values in (weights() if tensors is None else tensors).items():
        if values.ndim == 2:
            writer.add_tensor(name, quantize(values, quantization), raw_dtype=quantization)
        else:
            writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
