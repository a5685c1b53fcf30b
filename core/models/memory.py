"""Estimate a model's memory from its config, and compare it with the free memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch
from torch import nn
from transformers import AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel
from transformers.pytorch_utils import Conv1D

from core.errors import ResourceError
from core.models.architecture import can_share_prefixes, context_length
from core.models.placement import Placement
from core.models.prefix_store import PrefixStore
from core.system.terminal_text import in_bytes

ROWS, LENGTH = 8, 1024
"""Defaults of the memory estimate: rows at once, tokens each."""

TOKENS_A_FORWARD = 4096
"""Most tokens of one forward pass of prefill, which limits its activations."""

KEPT_A_FORWARD = 8192
"""Most tokens whose keys and values such a pass holds, beside those of the rows."""

_DRIVER = "CUDA error: out of memory"  # where not even a context fits, torch has no class for it

_TIGHT = 0.85  # share of free memory from which a model is a tight fit
_LOGIT_COPIES = 3  # float32: logits, log-softmax, the sampler's copy
_BLOCK_4BIT = 64  # weights per float32 scale


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether an error of torch says that the device has no memory left."""
    return isinstance(error, torch.OutOfMemoryError) or _DRIVER in str(error)


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes that a model needs; `weights` and `cache` are exact, `working` is approximate.

    Rows that begin alike need less than `cache`: they keep their beginning once.
    """

    parameters: int
    weights: int
    cache: int  # keys and values of `rows` rows of `length` tokens
    working: int  # activations, logits, prefixes being filled and stored for forks
    rows: int
    length: int
    free: int | None  # on the device, now; None when unknown
    device: str
    dtype: str
    quantization: str

    @property
    def needed(self) -> int:
        """Total bytes."""
        return self.weights + self.cache + self.working

    @property
    def is_tight(self) -> bool:
        """Whether it fits, but leaves little memory free."""
        return self.free is not None and self.needed > _TIGHT * self.free

    @property
    def fits(self) -> bool:
        """Whether the weights and one short chain fit."""
        return self.free is None or self.weights + self.working // self.rows <= self.free

    @property
    def parts(self) -> str:
        """The parts of the estimate, in words."""
        return (
            f"weights {in_bytes(self.weights)}, keys and values of {self.rows} x {self.length:,} "
            f"tokens {in_bytes(self.cache)}, working memory about {in_bytes(self.working)}"
        )

    @property
    def remedy(self) -> str:
        """Which settings to change, in words."""
        lower = ["Choose a smaller model or close other programs"]
        if self.dtype == "float32":
            lower.append("precision bfloat16 halves the weights")
        if self.device.startswith("cuda") and self.quantization != "4bit":
            lower.append("quantization 4bit makes them smaller still")
        return "; ".join(lower) + "."

    def check(self, name: str) -> None:
        """Reject a model that doesn't fit.

        Raises:
            ResourceError: it needs more memory than is free.
        """
        if not self.fits:
            assert self.free is not None
            raise ResourceError(
                f"The model {name} needs {in_bytes(self.needed)} of memory ({self.parts}), and "
                f"{in_bytes(self.free)} are free on {self.device}.",
                self.remedy,
            )


def estimate_memory(
    config: PreTrainedConfig,
    placement: Placement,
    *,
    rows: int = ROWS,
    length: int | None = None,
    stored: int | None = None,
    code: bool = False,
) -> MemoryEstimate:
    """Estimate a model's memory on its device, without loading it.

    Args:
        rows: chains decoded at once.
        length: tokens of each, including the prompt; None: LENGTH, or the context if shorter.
        stored: bytes of the weight files if known; used for weights stored quantized.
        code: whether the model's own Python code may run to build its skeleton.

    Raises:
        ValueError, KeyError, ImportError: transformers has no causal model for this config.
    """
    length = min(LENGTH, context_length(config)) if length is None else length
    model = skeleton(config, placement.dtype, code=code)
    text = model.config.get_text_config(decoder=True)
    size = placement.dtype.itemsize
    cached = can_share_prefixes(model)
    cache = cache_bytes(text, rows, length, size) if cached else 0
    filling = cache_bytes(text, 1, min(rows * length, KEPT_A_FORWARD), size) if cached else 0
    kept = min(cache, PrefixStore().max_bytes)
    weights = weight_bytes(model, placement.quantization)
    return MemoryEstimate(
        parameters=sum(p.numel() for p in model.parameters()),
        weights=stored if placement.packed and stored is not None else weights,
        cache=cache,
        working=_working_bytes(text, rows, length, size) + filling + kept,
        rows=rows,
        length=length,
        free=free_bytes(placement.device, spread=placement.spread),
        device="all GPUs" if placement.spread else str(placement.device),
        dtype=str(placement.dtype).removeprefix("torch."),
        quantization=placement.quantization,
    )


def skeleton(config: PreTrainedConfig, dtype: torch.dtype, *, code: bool) -> PreTrainedModel:
    """The model on the meta device, without memory for its weights."""
    with torch.device("meta"):
        model: PreTrainedModel = AutoModelForCausalLM.from_config(
            config, dtype=dtype, trust_remote_code=code
        )
    return model


def weight_bytes(model: nn.Module, quantization: str = "none") -> int:
    """Bytes of a model's parameters and buffers; tied weights count once.

    bitsandbytes quantizes all linear layers but the output layer: 8 bits use one byte per weight
    and a float32 per row, 4 bits half a byte per weight and a float32 per 64 weights.
    """
    total = sum(t.nbytes for t in (*model.parameters(), *model.buffers()))
    if quantization == "none":
        return total
    output = model.get_output_embeddings() if isinstance(model, PreTrainedModel) else None
    for module in model.modules():
        if isinstance(module, nn.Linear | Conv1D) and module is not output:
            weight = module.weight
            total -= weight.nbytes
            if quantization == "8bit":
                rows = weight.shape[1 if isinstance(module, Conv1D) else 0]
                total += weight.numel() + 4 * rows
            else:
                blocks = -(-weight.numel() // _BLOCK_4BIT)
                total += -(-weight.numel() // 2) + 4 * blocks
    return total


def cache_bytes(config: PreTrainedConfig, rows: int, length: int, size: int) -> int:
    """Bytes of the keys and values of all layers, at `size` bytes per number.

    Layers with a sliding window count in full: `core.decoding.kv_cache` keeps every position, since
    a fork may start anywhere, and masks positions outside the window.
    """
    heads = config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // heads
    if getattr(config, "kv_lora_rank", None):  # latent attention: shared by all heads
        widths = config.kv_lora_rank + config.qk_rope_head_dim
    else:
        widths = (getattr(config, "num_key_value_heads", None) or heads) * width * 2
    return int(config.num_hidden_layers * rows * length * widths * size)


def free_bytes(device: torch.device, *, spread: bool = False) -> int | None:
    """Bytes free on a device now, or on all GPUs; None when unknown."""
    match device.type:
        case "cpu":
            return min(int(psutil.virtual_memory().available), _left_in_container())
        case "cuda":
            gpus = range(torch.cuda.device_count()) if spread else [device]
            return sum(int(torch.cuda.mem_get_info(gpu)[0]) + _unused(gpu) for gpu in gpus)
        case "mps":
            return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    return None


def _unused(gpu: Any) -> int:
    """Bytes that torch has reserved on a GPU but not allocated."""
    return int(torch.cuda.memory_reserved(gpu) - torch.cuda.memory_allocated(gpu))


def _left_in_container() -> int:
    """Bytes left of a container's limit; psutil reports the whole machine."""
    folder = Path("/sys/fs/cgroup")
    try:
        limit = int((folder / "memory.max").read_text())
        used = int((folder / "memory.current").read_text())
        statistics = dict(
            line.split() for line in (folder / "memory.stat").read_text().splitlines()
        )
        return limit - used + int(statistics.get("inactive_file", 0))
    except (OSError, ValueError):  # not in a container, or no limit ("max")
        return 1 << 62


def _working_bytes(config: PreTrainedConfig, rows: int, length: int, size: int) -> int:
    """Approximate bytes for the logits of all rows and one layer's activations in prefill."""
    logits = rows * config.vocab_size * 4 * _LOGIT_COPIES
    inner = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
    tokens = min(rows * length, TOKENS_A_FORWARD)
    return int(logits + tokens * (6 * config.hidden_size + 2 * inner) * size)
