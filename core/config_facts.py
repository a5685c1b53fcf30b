"""What a model's config says, whatever its family calls it."""

from __future__ import annotations

from transformers import PreTrainedConfig

_UNBOUNDED_CONTEXT = 1 << 20  # for models whose config names no limit


def context_length(config: PreTrainedConfig) -> int:
    """Tokens that a model was made for; a large number where its config names no limit."""
    text = config.get_text_config(decoder=True)
    return int(getattr(text, "max_position_embeddings", None) or _UNBOUNDED_CONTEXT)


def layer_count(config: PreTrainedConfig) -> int:
    """Layers of the language model."""
    return int(config.get_text_config(decoder=True).num_hidden_layers)


def hidden_size(config: PreTrainedConfig) -> int:
    """Width of the language model."""
    return int(config.get_text_config(decoder=True).hidden_size)
