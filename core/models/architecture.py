"""Properties of an architecture, read from configs of all model families."""

from __future__ import annotations

import inspect
from typing import Any

from transformers import PreTrainedConfig, PreTrainedModel

_UNBOUNDED_CONTEXT = 1 << 20  # tokens, if the config has no limit


def context_length(config: PreTrainedConfig) -> int:
    """Maximum context in tokens; a large number if the config has no limit."""
    text = config.get_text_config(decoder=True)
    return int(getattr(text, "max_position_embeddings", None) or _UNBOUNDED_CONTEXT)


def layer_count(config: PreTrainedConfig) -> int:
    """Number of layers of the language model."""
    return int(config.get_text_config(decoder=True).num_hidden_layers)


def hidden_size(config: PreTrainedConfig) -> int:
    """Hidden size of the language model."""
    return int(config.get_text_config(decoder=True).hidden_size)


def unwrapped(model: Any) -> Any:
    """A model without PEFT's wrapper."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def has_plain_attention(model: Any) -> bool:
    """Whether every layer attends to all tokens before, by transformers' `sdpa`."""
    config = unwrapped(model).config.get_text_config(decoder=True)
    plain = all(window is None for window in attention_windows(config).values())
    return plain and getattr(config, "_attn_implementation", None) == "sdpa"


def can_share_prefixes(model: PreTrainedModel) -> bool:
    """Whether rows can be forked by cropping a cache: all layers are full or sliding-window
    attention. Other models recompute every row."""
    return why_recomputed(model) is None


def why_recomputed(model: PreTrainedModel) -> str | None:
    """Why a model's rows can't share a prefix, in words for the user; None if they can."""
    config: PreTrainedConfig = model.config.get_text_config(decoder=True)
    if getattr(model, "_is_stateful", False):
        return "it has a recurrent state that can't be rewound to an earlier token"
    if others := sorted(set(getattr(config, "layer_types", None) or ()) - _CUTTABLE):
        return f"the state of its {others[0]} layers can't be rewound to an earlier token"
    own = unwrapped(model)
    inputs = inspect.signature(own.forward).parameters
    if "past_key_values" not in inputs:
        return "it has no key/value cache"
    if "position_ids" not in inputs:
        return "it counts its positions by the longest row of a batch"
    if config.model_type in _WINDOWS_OF_THE_BATCH:
        return "its attention windows are counted from the longest row of a batch"
    if getattr(config, "num_kv_shared_layers", 0):
        return "its layers share their keys and values"
    if getattr(config, "alibi", False):
        return "its attention counts positions by the mask (ALiBi)"
    if _rope_types(config) & {"longrope", "dynamic"}:
        return "its position embeddings change with the length of the text"
    return None


_WINDOWS_OF_THE_BATCH = {"gpt_neo", "moshi"}  # regardless of the mask


_CUTTABLE = {"full_attention", "sliding_attention"}


def _rope_types(config: PreTrainedConfig) -> set[str]:
    """Kinds of rotary embedding; some models have one per layer type."""
    rope = getattr(config, "rope_parameters", None) or {}
    each = [rope, *(value for value in rope.values() if isinstance(value, dict))]
    return {str(one["rope_type"]) for one in each if "rope_type" in one}


def attention_windows(config: PreTrainedConfig) -> dict[str, int | None]:
    """Attention window in tokens of every layer type; None for full attention."""
    window = getattr(config, "sliding_window", None)
    if getattr(config, "use_sliding_window", True) is False:
        window = None
    kinds = getattr(config, "layer_types", None)
    if kinds is None:
        return {"sliding_attention" if window else "full_attention": window}
    return {kind: window if kind == "sliding_attention" else None for kind in sorted(set(kinds))}
