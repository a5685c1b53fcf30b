"""Tiny random models and tokenizers that tests build in memory: exact, offline, instant."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from core.models.language_model import LanguageModel, wrap
from core.models.spec import ModelSpec

_TEXT = [
    "Question: Ann saws a log into 9 pieces. How many cuts?",
    "To start, there are 9 pieces. The answer is \\boxed{64}.",
    "Let's think step by step. Each cut takes 8 minutes, so 8×8=64.",
] * 4


def byte_level_tokenizer(vocab_size: int = 320, eos: str = "<eos>") -> PreTrainedTokenizerFast:
    """Byte-level BPE: any text at all can be written with it."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    core.train_from_iterator(
        _TEXT,
        trainers.BpeTrainer(
            vocab_size=vocab_size,
            special_tokens=[eos],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return PreTrainedTokenizerFast(tokenizer_object=core, eos_token=eos)


def random_qwen3(
    vocab_size: int, *, seed: int = 0, spread: float = 0.35, hidden: int = 32, layers: int = 2
) -> PreTrainedModel:
    """A random Qwen3 with logits far enough apart that neither greedy nor entropy is trivial."""
    torch.manual_seed(seed)
    config = Qwen3Config(
        vocab_size=vocab_size,
        hidden_size=hidden,
        intermediate_size=64,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        max_position_embeddings=512,
        tie_word_embeddings=False,
        initializer_range=spread,
        eos_token_id=0,
        pad_token_id=None,
        bos_token_id=None,
    )
    return Qwen3ForCausalLM(config).eval()


def tiny_language_model(*, padding: int = 0, seed: int = 0) -> LanguageModel:
    """A random model over the byte-level tokenizer, its vocabulary padded by `padding` ids."""
    tokenizer = byte_level_tokenizer()
    model = random_qwen3(len(tokenizer) + padding, seed=seed)
    return wrap(ModelSpec("tiny"), model, tokenizer)


def save_tiny_model(folder: Path, *, padding: int = 0) -> Path:
    """The tiny model as a Hugging Face folder on disk."""
    lm = tiny_language_model(padding=padding)
    lm.model.save_pretrained(folder)
    lm.tokenizer.save_pretrained(folder)
    return folder
