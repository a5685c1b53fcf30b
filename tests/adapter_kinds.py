"""Adapters of every kind that peft makes, on a tiny base whose head is tied or its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from models import byte_level_tokenizer
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, PreTrainedModel, Qwen2Config, Qwen2ForCausalLM

IDS = torch.tensor([[5, 9, 13, 44, 100, 7, 300]])
MORE_TOKENS = 8
RESIZED = "resized vocabulary"

KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "bias of all layers": {"bias": "all"},
    "bias of its own layers": {"bias": "lora_only"},
    "bias in the adapter": {"lora_bias": True},
    "own head": {"modules_to_save": ["lm_head"]},
    "own embeddings": {"modules_to_save": ["embed_tokens"]},
    "own head and embeddings": {"modules_to_save": ["embed_tokens", "lm_head"]},
    "own norm": {"modules_to_save": ["norm"]},
    "on the embeddings": {"target_modules": ["q_proj", "embed_tokens"]},
    "DoRA": {"use_dora": True},
    "rsLoRA": {"use_rslora": True},
    "rank and alpha patterns": {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"v_proj": 3}},
    "some layers": {"layers_to_transform": [1], "layers_pattern": "layers"},
    "trainable tokens": {"trainable_token_indices": {"embed_tokens": [5, 44, 300]}},
    "trainable tokens, tied": {
        "trainable_token_indices": {"embed_tokens": [5, 300]},
        "ensure_weight_tying": True,
    },
    "PiSSA, which moves the base's weights": {"init_lora_weights": "pissa"},
    RESIZED: {"modules_to_save": ["embed_tokens", "lm_head"]},
    "stray tensors": {},
}


def save_base(folder: Path, tied: bool) -> Path:
    tokenizer = byte_level_tokenizer()
    torch.manual_seed(1)
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
        eos_token_id=0,
        tie_word_embeddings=tied,
        initializer_range=0.3,
    )
    model = Qwen2ForCausalLM(config)
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            parameter.data.normal_(0, 0.2)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def plain_base(folder: Path, kind: str | None = None) -> PreTrainedModel:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    if kind == RESIZED:
        model.resize_token_embeddings(len(model.get_input_embeddings().weight) + MORE_TOKENS)
    return model.eval()


def save_adapter(base: Path, folder: Path, kind: str) -> Path:
    """An adapter of which everything that training would change is changed."""
    torch.manual_seed(3)
    config = LoraConfig(
        **{"r": 4, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj"], **KINDS[kind]},
        task_type="CAUSAL_LM",
    )
    model = get_peft_model(plain_base(base, kind), config)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.2 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    if kind == "stray tensors":
        weights = folder / "adapter_model.safetensors"
        stray = {
            "base_model.model.model.norm.weight": torch.full((32,), 2.5),
            "base_model.model.model.layers.1.mlp.up_proj.weight": torch.randn(48, 32),
        }
        save_file(load_file(weights) | stray, weights, metadata={"format": "pt"})
    return folder


def logits_of(model: Any) -> torch.Tensor:
    with torch.inference_mode():
        logits: torch.Tensor = model(input_ids=IDS).logits
    return logits
