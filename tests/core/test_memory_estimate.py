"""Memory before a load: exact for weights, keys and values; too much is refused in time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from accelerate import dispatch_model
from models import byte_level_tokenizer, random_qwen3, save_tiny_model
from transformers import (
    AutoModelForCausalLM,
    DeepseekV3Config,
    Gemma2Config,
    GPT2Config,
    GPTNeoXConfig,
    LlamaConfig,
    MambaConfig,
    MistralConfig,
    MixtralConfig,
    PhiConfig,
    PreTrainedConfig,
    Qwen3Config,
)

from core.decoding.loop import Row, decode
from core.decoding.stepping import CachedStepper, stepper_for
from core.errors import ModelError, ResourceError
from core.models import language_model
from core.models.language_model import load_language_model, wrap
from core.models.memory import MemoryEstimate, estimate_memory, skeleton, weight_bytes
from core.models.placement import Placement, device_choices, place
from core.models.prefix_store import PrefixStore
from core.models.spec import ModelSpec
from core.records import Sampler
from core.system.terminal_text import in_bytes

TINY = {
    "vocab_size": 320,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 256,
}
GQA = TINY | {"num_key_value_heads": 2}
CONFIGS: dict[str, PreTrainedConfig] = {
    "Llama, grouped queries": LlamaConfig(**GQA),
    "Llama, tied": LlamaConfig(**GQA, tie_word_embeddings=True),
    "Qwen3, wide heads": Qwen3Config(**GQA, head_dim=16),
    "Mistral, window": MistralConfig(**GQA, sliding_window=8),
    "Gemma 2, every other layer windowed": Gemma2Config(**GQA, head_dim=8, sliding_window=8),
    "GPT-2": GPT2Config(vocab_size=320, n_embd=32, n_layer=2, n_head=4, n_positions=256),
    "GPT-NeoX": GPTNeoXConfig(**TINY),
    "Phi": PhiConfig(**TINY),
    "Mixtral, experts": MixtralConfig(**GQA, num_local_experts=4),
    "DeepSeek, latent attention": DeepseekV3Config(
        **TINY,
        num_key_value_heads=4,
        kv_lora_rank=8,
        q_lora_rank=8,
        qk_nope_head_dim=8,
        qk_rope_head_dim=4,
        v_head_dim=6,
        n_routed_experts=4,
        num_experts_per_tok=2,
        n_group=1,
        topk_group=1,
        moe_intermediate_size=16,
        first_k_dense_replace=1,
    ),
}
HALF = Placement(torch.device("cpu"), torch.bfloat16, "none", spread=False)


@pytest.mark.parametrize("name", CONFIGS)
def test_parameters_and_bytes_of_the_weights_are_exact(name: str) -> None:
    config = CONFIGS[name]
    model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    estimate = estimate_memory(config, HALF)
    assert estimate.parameters == model.num_parameters()
    assert estimate.weights == sum(t.nbytes for t in (*model.parameters(), *model.buffers()))


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_bytes_of_keys_and_values_are_exact(name: str, dtype: torch.dtype) -> None:
    rows, length = 3, 20
    model = AutoModelForCausalLM.from_config(CONFIGS[name], dtype=dtype).eval()
    lm = wrap(ModelSpec("tiny"), model, byte_level_tokenizer())
    stepper = stepper_for(lm, rows, length)
    assert isinstance(stepper, CachedStepper)
    with torch.no_grad():
        stepper.admit([tuple(range(10, 10 + length - 1))] * rows, PrefixStore())
        stepper.step([5] * rows)
    layers = stepper._cache.layers
    held = sum(layer.keys.nbytes + layer.values.nbytes for layer in layers)
    placement = replace(HALF, dtype=dtype)
    estimate = estimate_memory(CONFIGS[name], placement, rows=rows, length=length)
    assert estimate.cache == held


def test_a_model_that_is_recomputed_keeps_no_keys_and_values() -> None:
    config = MambaConfig(vocab_size=320, hidden_size=32, num_hidden_layers=2, state_size=4)
    assert estimate_memory(config, HALF).cache == 0


def test_quantized_weights_by_hand() -> None:
    config = LlamaConfig(**GQA)
    model = skeleton(config, torch.bfloat16, code=False)
    linear = 2 * (32 * 32 + 2 * 32 * 16 + 32 * 32 + 3 * 32 * 48)  # two layers
    rest = 2 * (2 * 320 * 32 + 5 * 32) + sum(b.nbytes for b in model.buffers())
    assert weight_bytes(model, "none") == 2 * linear + rest
    assert weight_bytes(model, "4bit") == linear // 2 + 4 * linear // 64 + rest
    out_features = 2 * (32 + 16 + 16 + 32 + 48 + 48 + 32)
    assert weight_bytes(model, "8bit") == linear + 4 * out_features + rest


def test_weights_that_are_stored_quantized_need_what_their_files_take() -> None:
    config = LlamaConfig(**GQA)
    config.quantization_config = {"quant_method": "gptq", "bits": 4}
    placement = place("cpu", "bfloat16", "none", config)
    assert estimate_memory(config, placement, stored=12_345).weights == 12_345
    assert placement.arguments["device_map"] == {"": torch.device("cpu")}
    plain = place("cpu", "bfloat16", "none", LlamaConfig(**GQA))
    assert estimate_memory(LlamaConfig(**GQA), plain, stored=12_345).weights != 12_345


def test_a_model_of_70_billion_parameters_is_estimated_without_loading_it() -> None:
    config = LlamaConfig(
        hidden_size=8192,
        intermediate_size=28672,
        num_hidden_layers=80,
        num_attention_heads=64,
        num_key_value_heads=8,
        vocab_size=128256,
    )
    estimate = estimate_memory(config, HALF, rows=1, length=4096)
    assert estimate.parameters == 70_553_706_496
    assert estimate.cache == 80 * 2 * 8 * 128 * 4096 * 2


def of(needed: int, free: int | None) -> MemoryEstimate:
    return MemoryEstimate(1, needed, 0, 0, 1, 8, free, "cpu", "float32", "none")


@pytest.mark.parametrize(
    ("needed", "free", "tight", "fits"),
    [
        (84, 100, False, True),
        (86, 100, True, True),
        (101, 100, True, False),
        (9, None, False, True),
    ],
)
def test_a_warning_comes_before_the_refusal(
    needed: int, free: int | None, tight: bool, fits: bool
) -> None:
    estimate = of(needed, free)
    assert (estimate.is_tight, estimate.fits) == (tight, fits)
    if fits:
        estimate.check("big")
        return
    with pytest.raises(ResourceError) as caught:
        estimate.check("big")
    assert "big needs 101 B" in caught.value.what
    assert "100 B are free on cpu" in caught.value.what
    assert "bfloat16 halves" in caught.value.remedy


def test_too_large_a_model_is_refused_before_its_weights_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save_tiny_model(tmp_path / "model")
    (folder / "model.safetensors").write_bytes(b"damaged")

    def crowded(*args: object, **kwargs: object) -> MemoryEstimate:
        return of(2_000_000_000, 1_000_000_000)

    monkeypatch.setattr(language_model, "estimate_memory", crowded)
    with pytest.raises(ResourceError, match=r"needs 2\.0 GB .* 1\.0 GB are free"):
        load_language_model(ModelSpec(str(folder)))


def test_a_loaded_model_knows_what_was_estimated(tmp_path: Path) -> None:
    lm = load_language_model(ModelSpec(str(save_tiny_model(tmp_path / "model"))))
    assert lm.memory is not None
    assert lm.memory.parameters == lm.parameters
    assert lm.memory.free is not None
    assert lm.memory.free > lm.memory.needed


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
@pytest.mark.parametrize(
    ("device", "quantization", "says"),
    [
        ("balanced", "none", "doesn't have several GPUs"),
        ("cpu", "4bit", "need a CUDA GPU"),
        ("auto", "8bit", "need a CUDA GPU"),
        ("cpu", "2bit", "no quantization '2bit'"),
    ],
)
def test_what_this_machine_can_not_do_is_said(device: str, quantization: str, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        place(device, "auto", quantization, LlamaConfig(**GQA))
    assert "balanced" not in device_choices()


@pytest.mark.parametrize("quantization", ["4bit", "8bit"])
def test_weights_that_bitsandbytes_packed_are_as_estimated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quantization: Literal["4bit", "8bit"]
) -> None:
    """On a CPU, where it packs the same bytes as on a GPU."""
    pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed")
    monkeypatch.setattr("core.models.placement._check_quantization", lambda *_: None)
    folder = save_tiny_model(tmp_path / "model")
    spec = ModelSpec(str(folder), device="cpu", dtype="bfloat16", quantization=quantization)
    lm = load_language_model(spec)
    scales = 0
    for module in lm.model.modules():
        weight = getattr(module, "weight", None)
        if getattr(weight, "quant_state", None) is not None:
            scales += weight.quant_state.absmax.nbytes
        if getattr(weight, "SCB", None) is not None:
            scales += weight.SCB.nbytes
    assert scales > 0
    assert lm.memory is not None
    assert lm.memory.weights == lm.model.get_memory_footprint() + scales
    assert lm.parameters == lm.memory.parameters == random_qwen3(320).num_parameters()


def test_layers_that_accelerate_keeps_apart_decode_as_one(tmp_path: Path) -> None:
    """What spreading over GPUs does to a model, with a disk in the second GPU's place."""
    tokenizer = byte_level_tokenizer()
    rows = [Row((5, 6, 7)), Row((5, 6, 7, 9, 10)), Row((8,))]
    apart = dispatch_model(
        random_qwen3(len(tokenizer)),
        {
            **dict.fromkeys(("model.embed_tokens", "model.layers.0", "model.rotary_emb"), "cpu"),
            **dict.fromkeys(("model.layers.1", "model.norm", "lm_head"), "disk"),
        },
        offload_dir=tmp_path,
        main_device="cpu",
    )
    whole, spread = (
        decode(wrap(ModelSpec("tiny"), model, tokenizer), rows, Sampler(max_new_tokens=12))
        for model in (random_qwen3(len(tokenizer)), apart)
    )
    for one, other in zip(whole, spread, strict=True):
        assert one.token_ids == other.token_ids
        assert one.statistics == other.statistics


def test_sizes_read_like_those_of_disks() -> None:
    assert [in_bytes(n) for n in (0, 999, 1000, 15_200_000_000, 153e9, 2.5e12)] == [
        "0 B", "999 B", "1.0 kB", "15.2 GB", "153 GB", "2.5 TB",
    ]  # fmt: skip


def test_a_device_without_memory_is_said_even_where_the_driver_says_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where not even a context fits, the driver's own error comes instead of torch's."""

    def full(*_: Any, **__: Any) -> None:
        raise RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be reported later")

    monkeypatch.setattr("core.models.language_model.AutoModelForCausalLM.from_pretrained", full)
    with pytest.raises(ResourceError, match="does not fit into the memory of"):
        load_language_model(ModelSpec())
