"""Tiny random models of many architectures, all over the tests' byte-level vocabulary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import transformers as hf
from models import byte_level_tokenizer

from core.models.language_model import LanguageModel, wrap
from core.models.spec import ModelSpec

VOCABULARY = 320
WINDOW = 8  # of sliding attention: far shorter than the chains of the tests
_COMMON: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "bos_token_id": None,
    "eos_token_id": 0,
    "pad_token_id": None,
    "initializer_range": 0.35,  # logits far enough apart that greedy is no coin toss
    "max_position_embeddings": 256,
    "tie_word_embeddings": False,  # tied, a random model repeats its last token
}
_SHAPE: dict[str, Any] = {
    **_COMMON,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
_GROUPED: dict[str, Any] = {**_SHAPE, "num_key_value_heads": 2}
_EXPERTS: dict[str, Any] = {**_GROUPED, "num_experts_per_tok": 2}
_PLAIN_ROPE = {"rope_type": "default", "rope_theta": 10000.0}


@dataclass(frozen=True)
class Architecture:
    """How to make one, and what is to be expected of it."""

    make: Callable[[], Any]
    shares_prefixes: bool = True
    adapted: tuple[str, ...] = ("q_proj", "v_proj", "o_proj")  # layers for a LoRA adapter


ARCHITECTURES: dict[str, Architecture] = {
    "llama": Architecture(lambda: hf.LlamaForCausalLM(hf.LlamaConfig(**_GROUPED))),
    "qwen2": Architecture(lambda: hf.Qwen2ForCausalLM(hf.Qwen2Config(**_GROUPED))),
    "qwen2, window of 8 from the second layer on": Architecture(
        lambda: hf.Qwen2ForCausalLM(
            hf.Qwen2Config(
                **_GROUPED, use_sliding_window=True, sliding_window=WINDOW, max_window_layers=1
            )
        )
    ),
    "qwen3": Architecture(lambda: hf.Qwen3ForCausalLM(hf.Qwen3Config(**_GROUPED, head_dim=8))),
    "mistral, window of 8": Architecture(
        lambda: hf.MistralForCausalLM(hf.MistralConfig(**_GROUPED, sliding_window=WINDOW))
    ),
    "gemma 2, eager, window of 8": Architecture(
        lambda: hf.Gemma2ForCausalLM(
            hf.Gemma2Config(
                **_GROUPED, head_dim=8, sliding_window=WINDOW, attn_implementation="eager"
            )
        )
    ),
    "gemma 3, window of 8": Architecture(
        lambda: hf.Gemma3ForCausalLM(
            hf.Gemma3TextConfig(
                **_GROUPED,
                head_dim=8,
                sliding_window=WINDOW,
                layer_types=["sliding_attention", "full_attention"],
            )
        )
    ),
    "phi, biased head": Architecture(
        lambda: hf.PhiForCausalLM(hf.PhiConfig(**_SHAPE)), adapted=("q_proj", "v_proj", "dense")
    ),
    "deepseek 3, latent attention": Architecture(
        lambda: hf.DeepseekV3ForCausalLM(
            hf.DeepseekV3Config(
                **_SHAPE, num_key_value_heads=4, num_experts_per_tok=2, moe_intermediate_size=32,
                n_routed_experts=4, n_group=1, topk_group=1, q_lora_rank=16, kv_lora_rank=16,
                qk_rope_head_dim=8, qk_nope_head_dim=8, v_head_dim=4, first_k_dense_replace=1,
            )
        ),
        adapted=("q_b_proj", "o_proj"),
    ),
    "phi 3, one projection": Architecture(
        lambda: hf.Phi3ForCausalLM(hf.Phi3Config(**_GROUPED)), adapted=("qkv_proj", "o_proj")
    ),
    "gpt-neox, partial rotary": Architecture(
        lambda: hf.GPTNeoXForCausalLM(hf.GPTNeoXConfig(**_SHAPE)),
        adapted=("query_key_value", "dense"),
    ),
    "gpt-2, learned positions": Architecture(
        lambda: hf.GPT2LMHeadModel(
            hf.GPT2Config(
                vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4, n_positions=256,
                initializer_range=0.4, bos_token_id=None, eos_token_id=0, pad_token_id=None,
                tie_word_embeddings=False,
            )
        ),
        adapted=("c_attn",),
    ),
    "mixtral": Architecture(
        lambda: hf.MixtralForCausalLM(hf.MixtralConfig(**_EXPERTS, num_local_experts=4))
    ),
    "qwen3-moe": Architecture(
        lambda: hf.Qwen3MoeForCausalLM(
            hf.Qwen3MoeConfig(**_EXPERTS, head_dim=8, moe_intermediate_size=32, num_experts=4)
        )
    ),
    "gpt-oss, eager, window of 8": Architecture(
        lambda: hf.GptOssForCausalLM(
            hf.GptOssConfig(
                **_EXPERTS,
                head_dim=8,
                sliding_window=WINDOW,
                num_local_experts=4,
                rope_parameters=_PLAIN_ROPE,
            )
        )
    ),
    "mamba": Architecture(
        lambda: hf.MambaForCausalLM(
            hf.MambaConfig(
                vocab_size=VOCABULARY, hidden_size=32, state_size=8, num_hidden_layers=2,
                initializer_range=0.5, bos_token_id=None, eos_token_id=0, pad_token_id=None,
            )
        ),
        shares_prefixes=False,
        adapted=("in_proj", "x_proj"),
    ),
    "lfm 2, convolutions between attention": Architecture(
        lambda: hf.Lfm2ForCausalLM(
            hf.Lfm2Config(**_GROUPED, layer_types=["conv", "full_attention"])
        ),
        shares_prefixes=False,
        adapted=("q_proj", "v_proj", "out_proj"),
    ),
    "jamba, mamba between attention": Architecture(
        lambda: hf.JambaForCausalLM(
            hf.JambaConfig(
                **_EXPERTS, num_experts=4, mamba_d_state=8,
                mamba_dt_rank=4, attn_layer_period=2, attn_layer_offset=1,
                expert_layer_period=2, expert_layer_offset=1,
            )
        ),
        shares_prefixes=False,
    ),
    "gpt-neo, window of 8": Architecture(
        lambda: hf.GPTNeoForCausalLM(
            hf.GPTNeoConfig(
                **_COMMON, hidden_size=32, num_layers=2, num_heads=4, window_size=WINDOW,
                attention_types=[[["global", "local"], 1]],
            )
        ),
        shares_prefixes=False,
        adapted=("q_proj", "v_proj", "out_proj"),
    ),
    "gpt, no cache at all": Architecture(
        lambda: hf.OpenAIGPTLMHeadModel(
            hf.OpenAIGPTConfig(
                vocab_size=VOCABULARY, n_embd=32, n_layer=2, n_head=4, n_positions=256,
                initializer_range=0.35, tie_word_embeddings=False, eos_token_id=0,
            )
        ),
        shares_prefixes=False,
        adapted=("c_attn",),
    ),
    "roformer, positions by the cache": Architecture(
        lambda: hf.RoFormerForCausalLM(
            hf.RoFormerConfig(**_SHAPE, is_decoder=True, embedding_size=32)
        ),
        shares_prefixes=False,
        adapted=("query", "value"),
    ),
    "trocr's decoder, all logits kept": Architecture(
        lambda: hf.TrOCRForCausalLM(
            hf.TrOCRConfig(
                vocab_size=VOCABULARY, d_model=32, decoder_layers=2, decoder_attention_heads=4,
                decoder_ffn_dim=64, init_std=0.35, max_position_embeddings=256,
                tie_word_embeddings=False, eos_token_id=0,
            )
        ),
        shares_prefixes=False,
        adapted=("q_proj", "v_proj", "out_proj"),
    ),
    "bloom, positions by alibi": Architecture(
        lambda: hf.BloomForCausalLM(
            hf.BloomConfig(
                vocab_size=VOCABULARY, hidden_size=32, n_layer=2, n_head=4,
                initializer_range=0.35, bos_token_id=None, eos_token_id=0, pad_token_id=None,
                tie_word_embeddings=False,
            )
        ),
        shares_prefixes=False,
        adapted=("query_key_value", "dense"),
    ),
}  # fmt: skip


def language_model(kind: str) -> LanguageModel:
    """A model of the architecture, the same at every call. With this seed no greedy chain of the
    tests stands before a tie, which sums in another order could break either way."""
    torch.manual_seed(2)
    model = ARCHITECTURES[kind].make().eval()
    return wrap(ModelSpec("tiny"), model, byte_level_tokenizer())
